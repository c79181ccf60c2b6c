import { randomUUID } from 'node:crypto';
import type { Export } from '#shared/model/archive-transfer.ts';
import { downloadToFile } from '#shared/client/transfer/download-file.ts';
import { given } from '../api/pages.ts';
import type { Context } from '../context.ts';
import { follow } from '../operation/follow.ts';
import { archiveTimeout, sayNotes, withProgress } from '../volume/archive-file.ts';
import { forgetExport } from '../volume/backup-to-file.ts';

export interface ReadFlags {
  readonly host?: string | undefined;
  readonly timeout?: string | undefined;
}

interface Wanted extends ReadFlags {
  readonly backup: string;
  /** Below the volume's root; `/` alone and `.` stand for the root itself. */
  readonly path: string;
}

/** Has a host read something of a backup; waits, with and without a terminal, until it can be fetched. */
export async function readBackup(
  context: Context,
  route: 'browseBackup' | 'extractBackup',
  { backup, path, host, timeout }: Wanted,
): Promise<Export> {
  const { api, namespace } = context;
  const { body: begun } = await api.call(route, {
    params: { namespace, backup },
    body: { path: path === '/' ? '' : path, ...given('host', host) },
    headers: { 'idempotency-key': randomUUID() },
  });
  await follow(context, begun, timeout ?? archiveTimeout);
  return (await api.call('getExport', { params: { namespace, operation: begun.id } })).body;
}

/** Fetches what was read to a file that is not there yet, or may be replaced; then nothing of it stays in the bucket. */
export async function fetchRead(
  context: Context,
  { operation, sizeBytes = 0, sha256 = '', report, volume }: Export,
  { file, overwrite }: { readonly file: string; readonly overwrite: boolean },
): Promise<void> {
  const params = { namespace: context.namespace, operation };
  const url = async (): Promise<string> => (await context.api.call('signExport', { params })).body.url;
  await withProgress(context.world, `fetch ${volume}`, (onProgress) =>
    downloadToFile({ file, overwrite, url, sizeBytes, sha256, onProgress }),
  );
  await forgetExport(context, operation);
  sayNotes(context.world, report);
}
