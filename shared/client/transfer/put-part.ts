import { hash } from 'node:crypto';
import { ProductError } from '#shared/model/errors.ts';
import { Stall, Tries, UrlRefused, answerError, connectionError } from './retry.ts';
import type { PartUrl, PartUrls, PartWanted, TransferOptions, UploadedPart } from './types.ts';

/** A part with its content. */
export interface LoadedPart extends PartWanted {
  readonly content: Buffer;
}

/** How fast a line has to be, at least: 32 KiB a second. A part's time-out grows with its size. */
const slowestBytesPerMs = 32;

export function loadPart(partNumber: number, content: Buffer): LoadedPart {
  return { partNumber, content, sizeBytes: content.length, sha256: hash('sha256', content, 'base64') };
}

/**
 * Sends parts of one upload side by side: URLs are asked for all together, and again for a part whose URL has expired;
 * each part is repeated until it arrives or nothing moves any more.
 * @throws ProductError Unavailable, AccessDenied or StorageFailed as the storage answered last; TransferFailed when what
 *   arrived has another checksum.
 */
export async function putParts(
  parts: readonly LoadedPart[],
  urls: PartUrls,
  options: TransferOptions,
): Promise<UploadedPart[]> {
  const given = await urlsOf(parts, urls);
  const sent: UploadedPart[] = [];
  const results = await Promise.allSettled(
    // eslint-disable-next-line hivemind/no-unbounded-all -- as many as the caller has loaded
    parts.map(async (part, index) => {
      sent[index] = await putPart(part, { first: given.get(part.partNumber), urls, options });
    }),
  );
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return sent;
}

interface Way {
  readonly first: PartUrl | undefined;
  readonly urls: PartUrls;
  readonly options: TransferOptions;
}

async function putPart(part: LoadedPart, { first, urls, options }: Way): Promise<UploadedPart> {
  const tries = new Tries(options);
  for (let url = first; ;) {
    try {
      url ??= (await urlsOf([part], urls)).get(part.partNumber);
      if (url === undefined)
        throw new ProductError('Internal', `No URL was given for part ${part.partNumber}.`);
      return await putOnce(part, url, options);
    } catch (error) {
      await tries.again(error);
      if (error instanceof UrlRefused) url = undefined;
    }
  }
}

async function urlsOf(parts: readonly LoadedPart[], urls: PartUrls): Promise<Map<number, PartUrl>> {
  const wanted = parts.map(({ partNumber, sizeBytes, sha256 }) => ({ partNumber, sizeBytes, sha256 }));
  return new Map((await urls(wanted)).map((url) => [url.partNumber, url]));
}

async function putOnce(part: LoadedPart, url: PartUrl, options: TransferOptions): Promise<UploadedPart> {
  const { fetch: send = fetch, stallMs = 60_000, signal } = options;
  const { content, ...wanted } = part;
  const stall = new Stall({ ...options, stallMs: stallMs + content.length / slowestBytesPerMs });
  try {
    const response = await send(url.url, {
      method: 'PUT',
      headers: { ...url.headers },
      body: new Uint8Array(content.buffer as ArrayBuffer, content.byteOffset, content.length),
      redirect: 'error',
      signal: stall.signal,
    });
    if (!response.ok) throw await answerError(response);
    await response.arrayBuffer();
    return { ...wanted, etag: arrivedAs(part, response.headers) };
  } catch (error) {
    throw connectionError(stall.signal.aborted ? stall.signal.reason : error, signal);
  } finally {
    stall.end();
  }
}

/** The part's ETag. The storage says what it has received where it was told what to expect. */
function arrivedAs(part: LoadedPart, headers: Headers): string {
  const sha256 = headers.get('x-amz-checksum-sha256');
  if (sha256 !== null && sha256 !== part.sha256)
    throw new ProductError('TransferFailed', `Part ${part.partNumber} arrived with another checksum.`, {
      value: sha256,
      allowed: part.sha256,
    });
  const etag = headers.get('etag');
  if (etag === null) throw new ProductError('Unavailable', 'The storage did not name the part that it took.');
  return etag;
}
