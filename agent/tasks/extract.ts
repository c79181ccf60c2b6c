import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { parseBackupPath } from '#shared/model/extract.ts';
import type { ExtractTask, TaskResult } from '#shared/model/task.ts';
import { partBytesFor } from '#shared/model/transfer.ts';
import { uploadStream } from '#shared/client/transfer/upload-stream.ts';
import { reservedNames } from '#agent/archives/reserved.ts';
import { uploadArchive } from '#agent/archives/upload.ts';
import { holdDevice, type DevicePorts } from '#agent/drivers/ebs/hold-device.ts';
import { listDirectory } from '#agent/extract/listing.ts';
import { openBelow, type Opened } from '#agent/extract/open-below.ts';
import type { HostApi } from '#agent/link/api.ts';
import type { Runner } from '#agent/reconcile/runner.ts';
import {
  dataDirectory,
  mountCopy,
  replayJournal,
  withMountpoint,
  type CopyPorts,
} from '#agent/verify/copy.ts';
import { deliver, refuseFile, sendEntries, type Line, type Sent } from './deliver.ts';

export interface ExtractTaskPorts extends DevicePorts, Omit<CopyPorts, 'blocks'> {
  readonly api: Pick<HostApi, 'signExportParts' | 'completeExport'>;
  readonly runner: Runner;
}

/**
 * Reads names, a file or a directory of the restored copy of a backup, and sends it as it comes. The copy is mounted read-write
 * once, for its journal, and then read-only; it is unmounted whatever happens.
 * @throws ProductError PathRefused as `openBelow`; as `uploadStream` and `uploadArchive`.
 */
export async function extract(ports: ExtractTaskPorts, task: ExtractTask): Promise<TaskResult> {
  const { operationId: id, serial, filesystem: format } = task;
  return ports.runner.run(`extract ${id}`, task.form, async (stopping) => {
    const device = await holdDevice(ports, serial);
    try {
      const copy = { id, device: device.path, format };
      return await withMountpoint(ports, copy, async (path) => {
        await replayJournal(ports, copy, path);
        await mountCopy(ports, copy, { path, how: 'ro' });
        return await sendFrom(ports, task, { root: join(path, dataDirectory), stopping });
      });
    } finally {
      await device.close();
    }
  });
}

/** Where the files are, and how they are asked for. */
export type ReadTask = Pick<ExtractTask, 'operationId' | 'path' | 'form' | 'metadata'>;

export interface Place {
  readonly root: string;
  readonly stopping: AbortSignal;
}

/** Reads what a task asks for, below a root, and sends it. No link is followed. */
export async function sendFrom(
  { api }: Pick<ExtractTaskPorts, 'api'>,
  task: ReadTask,
  { root, stopping: signal }: Place,
): Promise<TaskResult> {
  const opened = await openBelow(root, parseBackupPath(task.path));
  try {
    return await deliver(api, { id: task.operationId, signal }, (line) => send(task, opened, line));
  } finally {
    await opened.handle.close();
  }
}

async function send(task: ReadTask, opened: Opened, line: Line): Promise<Sent> {
  if (task.form === 'listing') return sendListing(task, opened, line);
  return opened.kind === 'file' ? sendFile(opened, line) : sendArchive(task, opened, line);
}

async function sendListing({ path }: ReadTask, { kind, descriptor }: Opened, line: Line): Promise<Sent> {
  if (kind === 'file') throw refuseFile(path);
  const below = parseBackupPath(path);
  const without = below.length === 0 ? reservedNames : [];
  return sendEntries(await listDirectory(descriptor, { below, without }), line);
}

async function sendFile({ handle }: Opened, line: Line): Promise<Sent> {
  const { size } = await handle.stat();
  const stream = handle.createReadStream({ autoClose: false });
  const sent = await uploadStream(stream, { ...line, partBytes: partBytesFor(size) });
  return { ...sent, form: 'file', files: 1, notes: [] };
}

async function sendArchive({ path, metadata }: ReadTask, { descriptor }: Opened, line: Line): Promise<Sent> {
  const { blocks, bfree, bsize } = await statfs(descriptor);
  const without = parseBackupPath(path).length === 0 ? reservedNames : [];
  const { packed, ...sent } = await uploadArchive({
    directory: descriptor,
    metadata,
    without,
    expectedBytes: (blocks - bfree) * bsize,
    ...line,
  });
  const notes = packed.skipped.map((name) => `left out: ${name}`);
  return { ...sent, form: 'archive', files: packed.files, notes };
}
