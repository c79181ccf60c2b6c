import { randomUUID } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import * as z from 'zod';
import type { Export } from '#shared/model/archive-transfer.ts';
import { isProductError, ProductError } from '#shared/model/errors.ts';
import { OperationId } from '#shared/model/names.ts';
import type { Operation } from '#shared/model/operation.ts';
import { downloadToFile } from '#shared/client/transfer/download-file.ts';
import { given } from '../api/pages.ts';
import type { Context } from '../context.ts';
import { follow, isOver } from '../operation/follow.ts';
import { printResult } from '../render/result.ts';
import { archiveTimeout, isThere, roughly, sayNotes, withProgress } from './archive-file.ts';

export interface OutputFlags {
  readonly output: string;
  readonly overwrite?: true | undefined;
  readonly host?: string | undefined;
  readonly timeout?: string | undefined;
}

/** FILE.export.json: which export FILE is to be fetched from, so that the same command after a crash goes on with it. */
const ExportNote = z.object({ namespace: z.string(), volume: z.string(), operation: OperationId });
const noteOf = (file: string): string => `${file}.export.json`;

/** Has a volume's files packed and fetches the archive. Waits with and without a terminal: cron needs the file. */
export async function backupToFile(context: Context, volume: string, flags: OutputFlags): Promise<void> {
  const { output: file } = flags;
  const overwrite = await mayReplace(context, file, flags.overwrite === true);
  const begun = (await resumed(context, volume, file)) ?? (await begin(context, volume, flags));
  const made = await packed(context, begun, flags);
  const { operation, sizeBytes = 0, sha256 = '' } = made;
  const params = { namespace: context.namespace, operation };
  const url = async (): Promise<string> => (await context.api.call('signExport', { params })).body.url;
  await withProgress(context.world, `fetch ${volume}`, (onProgress) =>
    downloadToFile({ file, overwrite, url, sizeBytes, sha256, onProgress }),
  );
  await rm(noteOf(file), { force: true });
  await forgetExport(context, operation);
  sayNotes(context.world, made.report);
  const result = { volume, file, sizeBytes, sha256, operation, report: made.report };
  const files = made.report?.files ?? 0;
  printResult(
    context,
    result,
    `Volume ${volume} is backed up to ${file}: ${files} files, ${roughly(sizeBytes)}.`,
  );
}

/** Whether a file that may be there can be replaced. @throws ProductError InvalidInput when it is there and may not */
export async function mayReplace({ world }: Context, file: string, overwrite: boolean): Promise<boolean> {
  if (overwrite || !(await isThere(file))) return overwrite;
  if (world.terminal.asks && (await world.terminal.confirm(`${file} is there already. Replace it?`)))
    return true;
  throw new ProductError('InvalidInput', `${file} is there already.`, {
    value: file,
    allowed: 'a file that does not exist',
    hint: 'Choose another name, or give --overwrite.',
  });
}

/** The export that an earlier run of this command has begun for the file, unless it failed or is gone. */
async function resumed(context: Context, volume: string, file: string): Promise<Operation | undefined> {
  const { api, namespace } = context;
  const text = await readFile(noteOf(file), 'utf8').catch(() => '');
  const note = ExportNote.safeParse(parseJson(text)).data;
  if (note === undefined || note.volume !== volume || note.namespace !== namespace) return undefined;
  const params = { namespace, operation: note.operation };
  try {
    const { state } = (await api.call('getExport', { params })).body;
    if (state !== 'packing' && state !== 'ready') return undefined;
    return (await api.call('getOperation', { params })).body;
  } catch (error) {
    if (isProductError(error, 'OperationNotFound')) return undefined;
    throw error;
  }
}

async function begin(context: Context, volume: string, { output, host }: OutputFlags): Promise<Operation> {
  const { api, namespace } = context;
  const body = given('host', host);
  const headers = { 'idempotency-key': randomUUID() };
  // Before anything is packed: whether a file can be written there.
  await writeFile(noteOf(output), '', { mode: 0o600 });
  const params = { namespace, name: volume };
  try {
    const { body: operation } = await api.call('createExport', { params, body, headers });
    await writeFile(noteOf(output), JSON.stringify({ namespace, volume, operation: operation.id }));
    return operation;
  } catch (error) {
    await rm(noteOf(output), { force: true });
    throw error;
  }
}

async function packed(context: Context, begun: Operation, { output, timeout }: OutputFlags): Promise<Export> {
  const params = { namespace: context.namespace, operation: begun.id };
  try {
    await follow(context, begun, timeout ?? archiveTimeout);
  } catch (error) {
    // Where nobody waits for it any more it goes on, and the same command finds it again.
    if (await isOver(context, begun.id)) await rm(noteOf(output), { force: true });
    throw error;
  }
  return (await context.api.call('getExport', { params })).body;
}

/** The file is here. What is not removed now the bucket removes within a day. */
export async function forgetExport({ api, namespace, world }: Context, operation: string): Promise<void> {
  try {
    await api.call('removeExport', { params: { namespace, operation } });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    world.terminal.err(`Note: the copy in the archive bucket is removed within a day: ${why}`);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
