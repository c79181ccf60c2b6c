import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { ProductError } from '#shared/model/errors.ts';
import type { RepositoryCredentials } from '#shared/model/repository.ts';

/** An object in a store that speaks S3. */
export interface S3Object {
  /** With the bucket in its path. */
  readonly url: URL;
  readonly region: string;
  readonly credentials: RepositoryCredentials;
}

const timeoutMs = 60_000;

/** Writes a small object. @throws ProductError StorageFailed with the store's answer; Unavailable */
export async function putObject(object: S3Object & { readonly content: Uint8Array }): Promise<void> {
  const answer = await send(object, 'PUT', object.content);
  if (!answer.ok) throw await refused(object, answer, 'did not take');
}

/** One that is not there is removed. @throws ProductError as {@link putObject} */
export async function removeObject(object: S3Object): Promise<void> {
  const answer = await send(object, 'DELETE');
  if (!answer.ok && answer.status !== 404) throw await refused(object, answer, 'did not remove');
}

async function send(
  { url, region, credentials }: S3Object,
  method: 'PUT' | 'DELETE',
  content?: Uint8Array,
): Promise<Response> {
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
  const request = { method, protocol, hostname, path, query: {}, headers: { host }, body: content };
  const { host: _host, ...headers } = (await signer.sign(request)).headers;
  const signal = AbortSignal.timeout(timeoutMs);
  const body = content === undefined ? null : Buffer.from(content);
  return fetch(url, { method, headers, body, signal }).catch((cause: unknown) => {
    throw new ProductError('Unavailable', `${host} does not answer.`, { cause });
  });
}

async function refused({ url }: S3Object, answer: Response, what: string): Promise<ProductError> {
  return new ProductError('StorageFailed', `${url.host} ${what} an object: ${answer.status}.`, {
    value: answer.status,
    about: { answer: (await answer.text()).slice(0, 500) },
  });
}
