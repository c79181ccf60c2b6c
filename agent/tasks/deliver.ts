import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { SentForm } from '#shared/model/extract.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { TaskResult } from '#shared/model/task.ts';
import { partBytesFor } from '#shared/model/transfer.ts';
import type { PartUrls, UploadResult } from '#shared/client/transfer/types.ts';
import { uploadStream } from '#shared/client/transfer/upload-stream.ts';
import { linesOf, type Listing } from '#agent/extract/listing.ts';
import type { HostApi } from '#agent/link/api.ts';
import { reportOf } from './land-files.ts';

/** What was sent, and what is to be said about it. */
export interface Sent extends UploadResult {
  readonly form: SentForm;
  /** Regular files; entries of a listing. */
  readonly files: number;
  readonly notes: readonly string[];
}

/** Where it goes, in parts. */
export interface Line {
  readonly urls: PartUrls;
  readonly signal: AbortSignal;
}

/** Sends what is read of a backup as one try of its own. @throws what `send` throws */
export async function deliver(
  api: Pick<HostApi, 'signExportParts' | 'completeExport'>,
  { id, signal }: { readonly id: string; readonly signal: AbortSignal },
  send: (line: Line) => Promise<Sent>,
): Promise<TaskResult> {
  const attempt = randomUUID();
  const urls: PartUrls = (parts) => api.signExportParts(id, { attempt, parts: [...parts] });
  const { form, files, notes, parts, sizeBytes, sha256 } = await send({ urls, signal });
  await api.completeExport(id, { attempt, parts: [...parts], sizeBytes, sha256 });
  return { outcome: 'done', transfer: { ...reportOf(files, notes), form } };
}

/** A listing, a line for each entry. */
export async function sendEntries({ entries, left }: Listing, line: Line): Promise<Sent> {
  const sent = await uploadStream(Readable.from(linesOf(entries)), { ...line, partBytes: partBytesFor(1) });
  const notes = left === 0 ? [] : [`${left} more names are there and are not listed`];
  return { ...sent, form: 'listing', files: entries.length, notes };
}

/** Of what cannot be listed. */
export function refuseFile(path: string): ProductError {
  return new ProductError('PathRefused', `"${path}" is a file.`, {
    value: path,
    allowed: 'a directory of the backup',
    hint: 'Get the file itself: hivemind backup extract.',
  });
}
