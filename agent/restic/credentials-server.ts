import { randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RepositoryCredentials } from '#shared/model/repository.ts';

export interface CredentialsServer {
  /** What a child needs to ask it, as AWS's container credentials have it. */
  readonly environment: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** Keys that do not end are shown as good for so long, in milliseconds: whoever has them asks again. */
const longest = 3_600_000;

/**
 * Gives one child its keys, again and again: it asks anew before they end, so that they can be short-lived and a backup may
 * take days. On loopback, under a token that only the child has. Source: AWS SDK reference, container credential provider.
 */
export async function serveCredentials(
  current: () => Promise<RepositoryCredentials>,
): Promise<CredentialsServer> {
  const token = randomBytes(32).toString('base64url');
  const server = createServer((request, response) => {
    const { authorization = '' } = request.headers;
    if (!same(authorization, token)) {
      response.writeHead(403).end();
      return;
    }
    current().then(
      (keys) => response.writeHead(200, { 'content-type': 'application/json' }).end(bodyOf(keys)),
      // restic asks again.
      () => response.writeHead(503).end(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    environment: {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/keys`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: token,
    },
    close: () => closed(server),
  };
}

function same(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function bodyOf({ accessKeyId, secretAccessKey, sessionToken, expiresAt }: RepositoryCredentials): string {
  return JSON.stringify({
    Code: 'Success',
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    Token: sessionToken ?? '',
    Expiration: expiresAt ?? new Date(Date.now() + longest).toISOString(),
  });
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
