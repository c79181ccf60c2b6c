import { check, create, discard, put, remove, replace, type Write } from '#shared/aws/table/writes.ts';
import type { SharedPointItem } from '#shared/model/items.ts';
import type { Failure } from '../planner.ts';
import type { SharedPoint } from './shared-point.ts';
import type { BackupFacts } from './steps.ts';

/** Writes of shared recovery points. Each returns the parts of one transaction. */

function userOf({ fileSystemId, run }: SharedPoint, { backup }: BackupFacts) {
  return { fileSystemId, run, backupId: backup?.id ?? '' };
}

const jobOf = ({ fileSystemId, run, createdAt }: SharedPointItem) => ({ fileSystemId, run, createdAt });

/** The first of a run, or of a copy after one that failed. Loses on `sharedPoint` when another one is. */
export function sharePoint(facts: BackupFacts): Write[] {
  const { shared, operation, backup, now } = facts;
  if (shared === undefined) return [];
  const { fileSystemId, run, item: failed } = shared;
  const item: SharedPointItem = {
    fileSystemId,
    run,
    state: 'creating',
    operationId: operation.id,
    createdAt: now.toISOString(),
    revision: 1,
  };
  return [
    failed === undefined ? create('sharedPoint', item) : replace('sharedPoint', failed, item),
    // Copies do not wait for each other, nor do backups for them.
    ...(backup?.copyOf === undefined ? [put('sharedJob', jobOf(item))] : []),
    put('sharedUser', userOf(shared, facts)),
  ];
}

/** Loses on `sharedPoint` when it is being removed meanwhile. */
export function joinPoint(facts: BackupFacts): Write[] {
  const { shared } = facts;
  if (shared?.item === undefined) return [];
  return [check('sharedPoint', shared.item), put('sharedUser', userOf(shared, facts))];
}

/** The point with what changes; the write raises its revision. */
export function changePoint({ shared }: BackupFacts, patch: Partial<SharedPointItem>): Write[] {
  const { item } = shared ?? {};
  return item === undefined ? [] : [replace('sharedPoint', item, { ...item, ...patch })];
}

/** The backup is complete, and with the one that drives the job so is the point. */
export function completePoint(facts: BackupFacts, recoveryPointArn: string): Write[] {
  const { item } = facts.shared ?? {};
  if (item === undefined) return [];
  if (item.state !== 'creating') return [check('sharedPoint', item)];
  return [...changePoint(facts, { state: 'available', recoveryPointArn }), discard('sharedJob', jobOf(item))];
}

/** The backup failed. The one that drives the job takes the point with it: the others read there why. */
export function failPoint(facts: BackupFacts, { detail }: Failure): Write[] {
  const { shared, operation } = facts;
  if (shared === undefined) return [];
  const { item } = shared;
  const drives = item?.state === 'creating' && item.operationId === operation.id;
  return [
    discard('sharedUser', userOf(shared, facts)),
    ...(drives
      ? [...changePoint(facts, { state: 'failed', reason: detail }), discard('sharedJob', jobOf(item))]
      : []),
  ];
}

/** The backup is removed; with the last of its users the point is too. */
export function leavePoint(facts: BackupFacts): Write[] {
  const { shared } = facts;
  if (shared === undefined) return [];
  const { item, others } = shared;
  const own = isClosedBy(facts);
  return [
    discard('sharedUser', userOf(shared, facts)),
    ...(own && item !== undefined && !others ? [remove('sharedPoint', item)] : []),
    ...(own && others ? changePoint(facts, { state: 'available' }) : []),
  ];
}

/** The removal is given up. */
export function reopenPoint(facts: BackupFacts): Write[] {
  return isClosedBy(facts) ? changePoint(facts, { state: 'available' }) : [];
}

/** Whether this operation has closed the point. */
export function isClosedBy({ shared, operation }: BackupFacts): boolean {
  return shared?.item?.state === 'deleting' && shared.item.operationId === operation.id;
}
