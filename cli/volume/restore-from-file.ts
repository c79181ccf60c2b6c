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
import { follow, isOver } from '../operation/follow.ts';
import { printResult } from '../render/result.ts';
import { consentToReplace, whereOldContentIs } from './in-place.ts';
import { archiveTimeout, demandFile, sayNotes, withProgress } from './archive-file.ts';

export interface InputFlags {
  readonly positional?: string | undefined;
  readonly name?: string | undefined;
  readonly input: string;
  readonly zone?: string | undefined;
  readonly host?: string | undefined;
  readonly force?: true | undefined;
  readonly yes?: true | undefined;
  readonly timeout?: string | undefined;
}

/**
 * Sends an archive to a volume, which is created where it is missing, and waits until it is unpacked. What a volume may hold
 * is replaced when the caller consents to that.
 */
export async function restoreFromFile(context: Context, flags: InputFlags): Promise<void> {
  const { input: file, timeout = archiveTimeout } = flags;
  await demandFile(file);
  const metadata = await readArchiveMetadata(file);
  const target = await targetOf(context, {
    name: nameOf(flags, metadata),
    zone: flags.zone,
    metadata,
  });
  const begun = await beginOrResume(context, target, flags);
  const operation =
    begun.state === 'receiving' ? await send(context, begun, flags) : await operationOf(context, begun.id);
  try {
    await say(context, flags, await follow(context, operation, timeout));
  } catch (error) {
    // Where nobody waits for it any more it goes on, and the same command finds it again.
    if (await isOver(context, operation.id)) await forgetUpload(file);
    throw error;
  }
  await forgetUpload(file);
}

/** An upload, once the caller has consented to what becomes of the volume. */
async function beginOrResume(context: Context, target: Target, flags: InputFlags): Promise<Import> {
  const { input: source, yes } = flags;
  const { name, blank } = target.volume;
  const earlier = await resumable(context, source, target.volume);
  const inPlace = earlier === undefined ? !target.isNew && blank !== true : earlier.inPlace === true;
  const isDecided = earlier !== undefined && earlier.state !== 'receiving';
  if (inPlace && !isDecided) await consentToReplace(context, { name, source, yes: yes === true });
  return earlier ?? begin(context, { name, inPlace }, flags);
}

async function say(context: Context, { input: file }: InputFlags, operation: Operation): Promise<void> {
  const { api, namespace, world } = context;
  const { id, volume, guard } = operation;
  const { report } = (await api.call('getImport', { params: { namespace, upload: id } })).body;
  sayNotes(world, report);
  const result = { volume, file, operation: id, ...given('guard', guard), report };
  const sentence = `Volume ${volume} is restored from ${file}: ${report?.files ?? 0} files.`;
  printResult(context, result, `${sentence}${whereOldContentIs(operation)}`);
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

interface Target {
  readonly volume: Volume;
  /** It was made for this: whatever its place holds is not the caller's to replace. */
  readonly isNew: boolean;
}

/** The volume of that name, made as the archive says where there is none. */
async function targetOf(context: Context, wanted: Wanted): Promise<Target> {
  const { api, namespace } = context;
  const params = { namespace, name: wanted.name };
  try {
    return { volume: (await api.call('getVolume', { params })).body, isNew: false };
  } catch (error) {
    if (!isProductError(error, 'VolumeNotFound')) throw error;
    if (wanted.metadata === undefined) throw unknownVolume(wanted.name, error);
  }
  const body = bodyOf(wanted, wanted.metadata);
  const headers = { 'idempotency-key': randomUUID() };
  const answer = (await api.call('createVolume', { params: { namespace }, body, headers })).body;
  if (isOperation(answer)) await follow(context, answer);
  return { volume: (await api.call('getVolume', { params })).body, isNew: true };
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
  { name, inPlace }: { readonly name: string; readonly inPlace: boolean },
  { input, host, force }: InputFlags,
): Promise<Import> {
  const { size } = await stat(input);
  const headers = { 'idempotency-key': randomUUID() };
  const body = {
    sizeBytes: size,
    partBytes: partBytesFor(size),
    ...given('host', host),
    ...given('inPlace', inPlace ? true : undefined),
    ...given('force', inPlace ? force : undefined),
  };
  return (await api.call('beginImport', { params: { namespace, name }, body, headers })).body;
}

async function send(context: Context, begun: Import, flags: InputFlags): Promise<Operation> {
  const { api, namespace, world } = context;
  const { input: file, host, force } = flags;
  const { id, partBytes, volume, inPlace } = begun;
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
  const body = {
    parts: [...sent.parts],
    sha256: sent.sha256,
    ...given('host', host),
    ...given('force', inPlace === true ? force : undefined),
  };
  // The upload's own id: repeated, it is the same request.
  const headers = { 'idempotency-key': id };
  return (await api.call('completeImport', { params, body, headers })).body;
}

async function operationOf({ api, namespace }: Context, operation: string): Promise<Operation> {
  return (await api.call('getOperation', { params: { namespace, operation } })).body;
}
