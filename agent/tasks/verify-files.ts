import type { TaskResult, VerifyFilesTask } from '#shared/model/task.ts';
import { accessOptions } from '#agent/drivers/efs/efs.driver.ts';
import { baseOptions } from '#agent/drivers/options.ts';
import type { Runner } from '#agent/reconcile/runner.ts';
import { verifyFiles, type VerifyFilesPorts } from '#agent/verify/verify-files.ts';
import { checkOf } from './verify.ts';

export interface VerifyFilesTaskPorts extends VerifyFilesPorts {
  /** One at a time: reading a whole volume is enough for a host. */
  readonly runner: Runner;
}

/** Looks into the restored directory of a drill, and at the volume itself. Both are mounted read-only. */
export async function verifyFilesTask(
  ports: VerifyFilesTaskPorts,
  task: VerifyFilesTask,
): Promise<TaskResult> {
  return ports.runner.run('drill', 'verify', async (stopping) => {
    const report = await verifyFiles(ports, {
      id: task.operationId,
      copy: mountOf(task.copy),
      live: task.live === undefined ? undefined : mountOf(task.live),
      settledBeforeMs: Date.parse(task.settledBefore),
      check: checkOf(task),
      patienceMs: task.patienceSeconds * 1000,
      stopping,
    });
    return { outcome: 'done', verify: report };
  });
}

/** Read-only; nothing of it is run or trusted. */
export function mountOf({ fileSystemId, accessPointId }: VerifyFilesTask['copy']) {
  const options = [...accessOptions(accessPointId), ...baseOptions, 'noexec', 'ro'];
  return { source: `${fileSystemId}:/`, fstype: 'efs', options };
}
