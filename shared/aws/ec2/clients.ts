import { EC2Client } from '@aws-sdk/client-ec2';

/**
 * How often the SDK may try each kind of call by itself; our own loop repeats with a look in between.
 * `once`: AttachVolume, CreateSnapshot and CopySnapshot have no token, so a try whose answer was lost must be looked for, not repeated.
 * `token`: CreateVolume answers a repeat with the same token with the same volume. `settled`: asking again for what is
 * already so (detach, delete) does nothing. Reads may be repeated at will.
 */
export const tries = { once: 1, token: 3, settled: 3, read: 4 } as const;
export type Repeat = keyof typeof tries;

/** Milliseconds. A worker's step has 30 s: two calls with their repeats must fit. */
const timeouts = { connectionTimeout: 2_000, requestTimeout: 8_000, throwOnRequestTimeout: true };

/** One client per policy, made when first used. Credentials and endpoint: the SDK's own chain, and so the Region where none is named. */
export function ec2Clients(region?: string): (repeat: Repeat) => EC2Client {
  const clients = new Map<Repeat, EC2Client>();
  return (repeat) => {
    const where = region === undefined ? {} : { region };
    const client =
      clients.get(repeat) ??
      new EC2Client({ ...where, maxAttempts: tries[repeat], requestHandler: timeouts });
    clients.set(repeat, client);
    return client;
  };
}
