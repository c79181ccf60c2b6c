import { parseBackupPath } from '#shared/model/extract.ts';
import type { ReadArchiveTask, TaskResult } from '#shared/model/task.ts';
import { partBytesFor } from '#shared/model/transfer.ts';
import { uploadStream } from '#shared/client/transfer/upload-stream.ts';
import { findArchived, listArchived, type Archived, type Found } from '#agent/extract/archived.ts';
import { sendTree } from '#agent/extract/archived-tree.ts';
import { demandRestic } from '#agent/restic/find-restic.ts';
import type { HostApi } from '#agent/link/api.ts';
import { withRepository, type RepositoryPorts } from './archive.ts';
import { deliver, refuseFile, sendEntries, type Line, type Sent } from './deliver.ts';

export interface ReadArchivePorts extends RepositoryPorts {
  readonly api: RepositoryPorts['api'] & Pick<HostApi, 'signExportParts' | 'completeExport'>;
}

/**
 * Reads names, a file or a directory of a backup as files, and sends it as it comes from the repository: nothing of it is on
 * this host's disk.
 * @throws ProductError NotSupported where restic is not installed; as `findArchived` and `uploadStream`; CommandFailed with
 *   restic's words
 */
export async function readArchive(ports: ReadArchivePorts, task: ReadArchiveTask): Promise<TaskResult> {
  await demandRestic();
  return withRepository(ports, task, async (repository) => {
    const { snapshotId, path, wanted } = task;
    const found = await findArchived(repository, { snapshotId, path }, parseBackupPath(wanted));
    return deliver(ports.api, { id: task.operationId, signal: ports.stopping }, (line) =>
      send(repository, { task, found }, line),
    );
  });
}

interface Wanted {
  readonly task: ReadArchiveTask;
  readonly found: Found;
}

async function send(repository: Archived, { task, found }: Wanted, line: Line): Promise<Sent> {
  const { snapshotId, path, wanted, form, metadata } = task;
  const names = parseBackupPath(wanted);
  if (form === 'listing') {
    if (found.kind === 'file') throw refuseFile(wanted);
    return sendEntries(await listArchived(repository, found, names), line);
  }
  const at = [path, ...names].join('/');
  if (found.kind === 'directory')
    return { ...(await sendTree(repository, { snapshotId, at, found, metadata }, line)), form: 'archive' };
  const content = repository.output({ args: ['dump', snapshotId], last: at });
  const sent = await uploadStream(content, { ...line, partBytes: partBytesFor(found.size) });
  return { ...sent, form: 'file', files: 1, notes: [] };
}
