import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { ProductError } from '#shared/model/errors.ts';
import type { RepositoryCredentials } from '#shared/model/repository.ts';

export interface PutObject {
  /** Of the object, with the bucket in its path. */
  readonly url: URL;
  readonly region: string;
  readonly credentials: RepositoryCredentials;
  readonly content: Uint8Array;
}

const timeoutMs = 60_000;

/** Writes a small object to a store that speaks S3. @throws ProductError StorageFailed with the store's answer; Unavailable */
export async function putObject({ url, region, credentials, content }: PutObject): Promise<void> {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const signer = new SignatureV4({
    service: 's3',
    region,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
    sha256: Sha256,
    // S3 signs paths as they are.
    uriEscapePath: false,
  });
  const { protocol, hostname, host, pathname: path } = url;
  const request = { method: 'PUT', protocol, hostname, path, query: {}, headers: { host }, body: content };
  const { host: _host, ...headers } = (await signer.sign(request)).headers;
  const signal = AbortSignal.timeout(timeoutMs);
  const answer = await fetch(url, { method: 'PUT', headers, body: Buffer.from(content), signal }).catch(
    (cause: unknown) => {
      throw new ProductError('Unavailable', `${host} does not answer.`, { cause });
    },
  );
  if (answer.ok) return;
  throw new ProductError('StorageFailed', `${host} did not take an object: ${answer.status}.`, {
    value: answer.status,
    about: { answer: (await answer.text()).slice(0, 500) },
  });
}
