import { ProductError } from '#shared/model/errors.ts';
import type { TaskResult, VerifyArchiveTask } from '#shared/model/task.ts';
import type { HostApi } from '#agent/link/api.ts';
import type { ObjectTransfer } from '#agent/link/objects.ts';
import type { Runner } from '#agent/reconcile/runner.ts';
import { demandRestic } from '#agent/restic/find-restic.ts';
import { withScratch, type ScratchPorts } from '#agent/verify/scratch.ts';
import { verifyArchive } from '#agent/verify/verify-archive.ts';
import { withRepository } from './archive.ts';
import { checkOf, withManifest } from './verify.ts';

export interface VerifyArchivePorts extends ScratchPorts {
  readonly api: Pick<HostApi, 'grantRepository' | 'manifest'>;
  readonly objects: ObjectTransfer;
  /** ROOT/manifests. */
  readonly manifests: string;
  /** ROOT/restic. */
  readonly resticFolder: string;
  /** One at a time: reading a whole volume is enough for a host. */
  readonly runner: Pick<Runner, 'run'>;
}

/**
 * The drill of an archive, in a directory of the agent's own. It touches no volume.
 * @throws ProductError NotSupported without restic; LimitExceeded without the room; TimedOut when it takes too long; and what
 *   `verifyArchive` throws
 */
export async function verifyArchiveTask(
  ports: VerifyArchivePorts,
  task: VerifyArchiveTask,
): Promise<TaskResult> {
  await demandRestic();
  return ports.runner.run('drill', 'verify', (stopping) =>
    withScratch(ports, task, (directory) =>
      withManifest(ports, task, async (manifest) => {
        const patienceMs = task.patienceSeconds * 1000;
        const late = AbortSignal.timeout(patienceMs);
        const request = { ...task, directory, manifest, check: checkOf(task), patienceMs, stopping };
        try {
          const bounded = { ...ports, stopping: AbortSignal.any([stopping, late]) };
          const verify = await withRepository(bounded, task, (repository) =>
            verifyArchive(repository, request),
          );
          return { outcome: 'done', verify } as const;
        } catch (error) {
          throw late.aborted ? tooLate(task) : isFull(error) ? noRoom(error) : error;
        }
      }),
    ),
  );
}

function tooLate({ patienceSeconds }: VerifyArchiveTask): ProductError {
  return new ProductError('TimedOut', `It was not restored and compared within ${patienceSeconds} s.`, {
    hint: 'Give the drill a larger host, or restore the backup to a new volume and look at it.',
  });
}

/** Somebody else took the room that there was. */
const isFull = (error: unknown): error is Error =>
  error instanceof Error && error.message.includes('no space left on device');

function noRoom(cause: Error): ProductError {
  return new ProductError('LimitExceeded', `The host has not the room for the archive: ${cause.message}`, {
    cause,
  });
}
