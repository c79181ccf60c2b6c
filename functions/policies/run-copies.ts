import { keys, partitions } from '#shared/aws/table/keys.ts';
import { discard, put, type Write } from '#shared/aws/table/writes.ts';
import { isProductError } from '#shared/model/errors.ts';
import type { OperationItem } from '#shared/model/items.ts';
import { isFinished } from '#shared/model/operation.ts';
import type { PolicyItem, RunCopyItem, RunItem, RunVolumeItem } from '#shared/model/policy-items.ts';
import { copyBackup } from '#functions/backups/copy-backup.ts';
import type { Ports } from '#functions/volumes/ports.ts';
import { callOf, passing } from './begin-backup.ts';

/*
 * Copies to another Region take hours, so that they are begun as each backup is made, and looked after only when all backups
 * of the run are made and pruned: no other volume waits for a copy.
 */

/** A volume of which the run has made a backup, and the copy of that which it has begun. */
export interface Settled {
  readonly was: RunVolumeItem;
  readonly is: RunVolumeItem;
  readonly copy?: RunCopyItem;
}

/**
 * Begins the copy of a backup that the run has made, if the policy wants one. Its key derives from run and volume: however
 * often this is called, there is one. What passes leaves the volume open, for the next look.
 */
export async function beginCopy(
  ports: Ports,
  { run, policy, settled }: { run: RunItem; policy: PolicyItem | undefined; settled: Settled },
): Promise<Settled> {
  const { was, is } = settled;
  const region = policy?.copyTo;
  if (policy === undefined || region === undefined || is.state !== 'made' || is.backup === undefined)
    return settled;
  try {
    const { body } = await copyBackup(ports, callOf(run, `${is.volumeId}/copy`), {
      backup: is.backup,
      region,
      description: '',
      policy: policy.id,
    });
    const { id: operation, backup: copy = '' } = body;
    const since = ports.clock().toISOString();
    const item = { runId: run.id, volumeId: is.volumeId, copy, operation, region, since };
    return { was, is: { ...is, copy }, copy: item };
  } catch (error) {
    if (!isProductError(error)) throw error;
    if (passing.has(error.code)) return { was, is: was };
    return { was, is: { ...is, state: 'failed', reason: notCopied(region, error.message) } };
  }
}

function notCopied(region: string, why: string): string {
  return `The backup is made, but not copied to ${region}: ${why}`;
}

/** Copies that are looked at in one step: two items of each may be written, and the run. */
const lookedAtOnce = 45;

export interface Followed {
  /** None is left. */
  readonly done: boolean;
  /** Ended in this step; in one transaction with the run. */
  readonly writes: readonly Write[];
  readonly ended: number;
  /** Of those. */
  readonly failed: number;
}

/**
 * Looks after the copies that a run has begun: each that failed makes its volume one that failed. What is not done by the time
 * at which the run gives up counts as failed, and goes on.
 */
export async function followCopies(ports: Ports, run: RunItem, isLate: boolean): Promise<Followed> {
  const { table } = ports;
  const { items, next } = await table.list('runCopy', {
    pk: partitions.runCopies(run.id),
    limit: lookedAtOnce,
  });
  const found = await table.readMany(
    'operation',
    items.map(({ operation }) => keys.operation(operation)),
  );
  const operations = new Map(found.map((operation) => [operation.id, operation]));
  const ended = items.flatMap((item) => {
    const end = endOf(operations.get(item.operation), isLate);
    return end === undefined ? [] : [{ item, ...end }];
  });
  const failed = ended.filter(({ why }) => why !== undefined);
  const volumes = await table.readMany(
    'runVolume',
    failed.map(({ item }) => keys.runVolume(run.id, item.volumeId, false)),
  );
  const reasons = new Map(failed.map(({ item, why = '' }) => [item.volumeId, notCopied(item.region, why)]));
  const writes: Write[] = [
    ...ended.map(({ item }) => discard('runCopy', item)),
    ...volumes.map((was) => put('runVolume', { ...was, state: 'failed', reason: reasons.get(was.volumeId) })),
  ];
  const done = next === undefined && ended.length === items.length;
  return { done, writes, ended: ended.length, failed: failed.length };
}

/** Undefined while it is under way; without a reason it is made. */
function endOf(operation: OperationItem | undefined, isLate: boolean): { readonly why?: string } | undefined {
  if (operation === undefined) return { why: 'Its operation is forgotten.' };
  if (operation.status === 'succeeded') return {};
  if (isFinished(operation.status)) return { why: operation.error?.detail ?? operation.message };
  return isLate ? { why: 'It is not done after 20 hours, and goes on.' } : undefined;
}

/** Whether the run has begun copies that have not ended, as far as it knows. */
export async function hasCopies({ table }: Pick<Ports, 'table'>, { id }: RunItem): Promise<boolean> {
  const { items } = await table.list('runCopy', { pk: partitions.runCopies(id), limit: 1 });
  return items.length > 0;
}
