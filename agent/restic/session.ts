import type { RepositoryCredentials, RepositoryGrant } from '#shared/model/repository.ts';
import { serveCredentials } from './credentials-server.ts';

/** One task's way into its repository. */
export interface Session {
  readonly url: string;
  /** The password as it is now. Given to a child on its standard input: in no argument, no variable and no file. */
  password(): string;
  readonly region: string;
  /** The keys as they are now. */
  keys(): Promise<RepositoryCredentials>;
  /** Of children: where they get their keys. */
  readonly environment: Readonly<Record<string, string>>;
  /** There is no repository, and this task is about to make one: under a new password. */
  begin(): Promise<void>;
  close(): Promise<void>;
}

export interface SessionPorts {
  /** Asks the control plane, which gives keys for this task's repository only. */
  readonly grant: (begin: boolean) => Promise<RepositoryGrant>;
  readonly now?: () => number;
}

/** Keys are renewed when so much of their life is left, in milliseconds. */
const renewBefore = 5 * 60_000;

export async function openSession({ grant, now = Date.now }: SessionPorts): Promise<Session> {
  let current = await grant(false);
  let renewing: Promise<RepositoryGrant> | undefined;
  const renew = async (): Promise<RepositoryGrant> => {
    try {
      current = await grant(false);
      return current;
    } finally {
      renewing = undefined;
    }
  };
  const keys = async (): Promise<RepositoryCredentials> => {
    const { expiresAt } = current.credentials;
    if (expiresAt === undefined || now() < Date.parse(expiresAt) - renewBefore) return current.credentials;
    renewing ??= renew();
    return (await renewing).credentials;
  };
  const server = await serveCredentials(keys);
  return {
    url: current.url,
    region: current.region,
    keys,
    password: () => current.password,
    environment: { ...server.environment, AWS_DEFAULT_REGION: current.region },
    begin: async () => void (current = await grant(true)),
    close: () => server.close(),
  };
}
