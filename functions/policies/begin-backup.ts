import type { PolicyItem, RunItem, RunVolumeItem } from '#shared/model/policy-items.ts';
import { isProductError, type ErrorCode, type ProductError } from '#shared/model/errors.ts';
import { createBackup } from '#functions/backups/create-backup.ts';
import type { Call, Ports } from '#functions/volumes/ports.ts';

/** Who the audit names for what policies do. */
export const policyCaller = 'hivemind:policy';

/** Such a one passes: another backup is under way, or AWS takes no more calls. */
export const passing: ReadonlySet<ErrorCode> = new Set([
  'OperationInProgress',
  'Throttled',
  'Unavailable',
  'Conflict',
  'Internal',
]);
/** There is nothing to back up. */
const nothing: ReadonlySet<ErrorCode> = new Set([
  'NotSupported',
  'IllegalState',
  'VolumeNotFound',
  'BackupNotFound',
]);

/** How long a run tries to begin what it does with one volume. */
export const patienceMs = 30 * 60_000;

export interface Subject {
  readonly run: RunItem;
  readonly policy: PolicyItem;
  readonly volume: Pick<RunVolumeItem, 'volumeId' | 'volume'> & Partial<Pick<RunVolumeItem, 'since'>>;
}

/**
 * Begins the run's backup of one volume. Its key derives from run and volume: however often this is called, there is one.
 * A refusal is the volume's own matter and is no error of the run.
 */
export async function beginBackup(ports: Ports, subject: Subject): Promise<RunVolumeItem> {
  const { run, policy, volume } = subject;
  const now = ports.clock();
  const { volumeId, volume: name, since = now.toISOString() } = volume;
  const item = { runId: run.id, volumeId, volume: name, since };
  try {
    const { body } = await createBackup(ports, callOf(run, volumeId), {
      volume: name,
      description: '',
      consistency: policy.consistency,
      hooks: policy.hooks,
      // What a driver cannot do natively is its default all the same.
      ...(policy.engine === 'restic' ? { engine: policy.engine, repository: policy.repository } : {}),
      origin: 'policy',
      policy: policy.id,
      run: run.id,
    });
    return { ...item, state: 'begun', operation: body.id, backup: body.backup };
  } catch (error) {
    if (!isProductError(error)) throw error;
    return { ...item, state: stateOf(error, now.getTime() - Date.parse(since)), reason: error.message };
  }
}

/** What becomes of a volume that was refused after so long. */
export function stateOf({ code }: ProductError, waitedMs: number): RunVolumeItem['state'] {
  if (passing.has(code) && waitedMs < patienceMs) return 'waiting';
  return code === 'OperationInProgress' || nothing.has(code) ? 'skipped' : 'failed';
}

/** A call of a run, whose key derives from what it is about. */
export function callOf({ id, namespace }: RunItem, about: string): Call {
  return {
    caller: { arn: policyCaller, userId: policyCaller, account: '' },
    namespace,
    idempotencyKey: `${id}/${about}`,
    requestHash: id,
  };
}
