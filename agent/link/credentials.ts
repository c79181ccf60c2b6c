import { fromInstanceMetadata } from '@aws-sdk/credential-providers';
import { ProductError } from '#shared/model/errors.ts';
import type { Credentials } from '#shared/client/client.ts';

/** Gives the credentials that hold now. */
export interface InstanceCredentials {
  (): Promise<Credentials>;
  /** They were refused before their time, as those of a session that was revoked: the next ones are fetched anew. */
  forget(): void;
}

const refreshBeforeMs = 5 * 60_000;

/**
 * The instance role's credentials, from the instance metadata service and nowhere else: who the host is must not depend
 * on a file or a variable. AWS_EC2_METADATA_SERVICE_ENDPOINT moves the service.
 */
export function instanceCredentials(
  fetchNew: () => Promise<Credentials> = fromInstanceMetadata({ maxRetries: 2, timeout: 2_000 }),
  now: () => number = Date.now,
): InstanceCredentials {
  let cached: Credentials | undefined;
  let fetching: Promise<Credentials> | undefined;
  const renew = async (): Promise<Credentials> => {
    try {
      cached = await fetchNew();
      return cached;
    } catch (cause) {
      throw new ProductError('Unavailable', 'The instance metadata service gives no credentials.', {
        hint: 'Give the instance the host instance profile; IMDSv2 must be on (hivemind doctor).',
        cause,
      });
    } finally {
      fetching = undefined;
    }
  };
  const current = async (): Promise<Credentials> => {
    const expires = cached?.expiration?.getTime() ?? Number.POSITIVE_INFINITY;
    if (cached !== undefined && now() < expires - refreshBeforeMs) return cached;
    fetching ??= renew();
    return fetching;
  };
  return Object.assign(current, { forget: () => void (cached = undefined) });
}
