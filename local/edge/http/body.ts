import type { IncomingMessage } from 'node:http';
import { EdgeError } from '../errors.ts';

/** Reads a request's whole body. @throws EdgeError BodyTooLarge above `limit` bytes; the rest is then read and dropped. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= limit) chunks.push(chunk);
  }
  if (size > limit)
    throw new EdgeError('BodyTooLarge', `A body of ${size} bytes; at most ${limit} are taken.`);
  return Buffer.concat(chunks);
}
