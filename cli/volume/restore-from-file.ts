import { randomUUID } from 'node:crypto';
import type { ArchiveMetadata } from '#shared/model/archive.ts';
import type { Import } from '#shared/model/archive-transfer.ts';
import { isProductError, ProductError } from '#shared/model/errors.ts';
import type { Operation } from '#shared/model/operation.ts';
import { partBytesFor } from '#shared/model/transfer.ts';
import type { CreateVolumeInput, Volume } from '#shared/model/volume.ts';
import { readArchiveMetadata } from '#shared/client/archive/metadata.ts';
import { forgetUpload, readUploadState, uploadFile } from '#shared/client/transfer/upload-file.ts';
import { stat } from 'node:fs/promises';
import { given } from '../api/pages.ts';
import { isOperation } from '../api/volume-answer.ts';
import { oneName } from '../arguments.ts';
import type { Context } from '../context.ts';
import { follow } from '../operation/follow.ts';
import { printResult } from '../render/result.ts';
import { archiveTimeout, demandFile, sayNotes, withProgress } from './archive-file.ts';

export interface InputFlags {
  readonly positional?: string | undefined;
  readonly name?: string | undefined;
  readonly input: string;
  readonly zone?: string | undefined;
  readonly host?: string | undefined;
  readonly timeout?: string | undefined;
}

/** Sends an archive to a volume, which is created where it is missing, and waits until it is unpacked. */
export async function restoreFromFile(context: Context, flags: InputFlags): Promise<void> {
  const { input: file, timeout = archiveTimeout } = flags;
  const { api, namespace, world } = context;
  await demandFile(file);
  const metadata = await readArchiveMetadata(file);
  const name = nameOf(flags, metadata);
  const volume = await volumeOf(context, { name, zone: flags.zone, metadata });
  const earlier = await resumable(context, file, volume);
  const begun = earlier ?? (await begin(context, name, flags));
  const operation =
    begun.state === 'receiving' ? await send(context, begun, flags) : await operationOf(context, begun.id);
  try {
    await follow(context, operation, timeout);
  } catch (error) {
    if (!isProductError(error, 'TimedOut')) await forgetUpload(file);
    throw error;
  }
  await forgetUpload(file);
  const params = { namespace, upload: operation.id };
  const { report } = (await api.call('getImport', { params })).body;
  sayNotes(world, report);
  const result = { volume: name, file, operation: operation.id, report };
  printResult(context, result, `Volume ${name} is restored from ${file}: ${report?.files ?? 0} files.`);
}

function nameOf(flags: InputFlags, metadata: ArchiveMetadata | undefined): string {
  const given = flags.positional ?? flags.name;
  return given === undefined && metadata !== undefined
    ? metadata.name
    : oneName(flags.positional, flags.name);
}

interface Wanted {
  readonly name: string;
  readonly zone: string | undefined;
  readonly metadata: ArchiveMetadata | undefined;
}

/** The volume of that name, made as the archive says where there is none. */
async function volumeOf(context: Context, wanted: Wanted): Promise<Volume> {
  const { api, namespace } = context;
  const params = { namespace, name: wanted.name };
  try {
    return (await api.call('getVolume', { params })).body;
  } catch (error) {
    if (!isProductError(error, 'VolumeNotFound')) throw error;
    if (wanted.metadata === undefined) throw unknownVolume(wanted.name, error);
  }
  const body = bodyOf(wanted, wanted.metadata);
  const headers = { 'idempotency-key': randomUUID() };
  const answer = (await api.call('createVolume', { params: { namespace }, body, headers })).body;
  if (isOperation(answer)) await follow(context, answer);
  return (await api.call('getVolume', { params })).body;
}

function bodyOf({ name, zone }: Wanted, metadata: ArchiveMetadata): CreateVolumeInput {
  const { type, driver, sizeBytes, labels, options, owner, filesystem } = metadata;
  return {
    name,
    type,
    driver,
    labels,
    options,
    owner,
    ...given('size', sizeBytes ?? undefined),
    ...given('filesystem', filesystem ?? undefined),
    ...given('availabilityZone', zone),
  };
}

function unknownVolume(name: string, cause: unknown): ProductError {
  return new ProductError(
    'VolumeNotFound',
    `There is no volume "${name}", and the archive does not say what it was.`,
    {
      value: name,
      cause,
      hint: `The archive was made elsewhere: create the volume first (hivemind volume create ${name}).`,
    },
  );
}

/** What an earlier run of this command has begun with this file for this very volume. */
async function resumable(context: Context, file: string, { id }: Volume): Promise<Import | undefined> {
  const state = await readUploadState(file);
  if (state === undefined) return undefined;
  const params = { namespace: context.namespace, upload: state.upload };
  try {
    const { body } = await context.api.call('getImport', { params });
    return body.volumeId === id && body.state !== 'failed' ? body : undefined;
  } catch (error) {
    if (isProductError(error, 'OperationNotFound', 'InvalidInput')) return undefined;
    throw error;
  }
}

async function begin(
  { api, namespace }: Context,
  name: string,
  { input, host }: InputFlags,
): Promise<Import> {
  const { size } = await stat(input);
  const headers = { 'idempotency-key': randomUUID() };
  const body = { sizeBytes: size, partBytes: partBytesFor(size), ...given('host', host) };
  return (await api.call('beginImport', { params: { namespace, name }, body, headers })).body;
}

async function send(context: Context, begun: Import, { input: file, host }: InputFlags): Promise<Operation> {
  const { api, namespace, world } = context;
  const { id, partBytes, volume } = begun;
  const params = { namespace, upload: id };
  const sent = await withProgress(world, `send ${volume}`, (onProgress) =>
    uploadFile({
      file,
      upload: id,
      partBytes,
      onProgress,
      urls: async (parts) =>
        (await api.call('signImportParts', { params, body: { parts: [...parts] } })).body.parts,
    }),
  );
  const body = { parts: [...sent.parts], sha256: sent.sha256, ...given('host', host) };
  // The upload's own id: repeated, it is the same request.
  const headers = { 'idempotency-key': id };
  return (await api.call('completeImport', { params, body, headers })).body;
}

async function operationOf({ api, namespace }: Context, operation: string): Promise<Operation> {
  return (await api.call('getOperation', { params: { namespace, operation } })).body;
}
