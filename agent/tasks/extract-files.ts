import type { ExtractFilesTask, TaskResult } from '#shared/model/task.ts';
import { withMounted, type VerifyFilesPorts } from '#agent/verify/verify-files.ts';
import { sendFrom, type ExtractTaskPorts } from './extract.ts';
import { mountOf } from './verify-files.ts';

type Ports = Pick<VerifyFilesPorts, 'mounts' | 'directory'> & Pick<ExtractTaskPorts, 'api' | 'runner'>;

/**
 * Reads names, a file or a directory of the restored directory of a recovery point, and sends it as it comes. It is mounted
 * read-only, and unmounted whatever happens.
 * @throws ProductError as `sendFrom`; what a mount throws
 */
export async function extractFiles(ports: Ports, task: ExtractFilesTask): Promise<TaskResult> {
  const { operationId: id, copy, form } = task;
  return ports.runner.run(`extract ${id}`, form, (stopping) =>
    withMounted(ports, { id, copy: mountOf(copy) }, (root) => sendFrom(ports, task, { root, stopping })),
  );
}
