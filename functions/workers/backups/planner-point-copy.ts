import type { BackupItem, SharedPointItem } from '#shared/model/items.ts';
import { ageOf, minutes } from '../planner.ts';
import { afterFailure, fail, failureOf, tokenOf, untilShown } from './planner-recovery-point.ts';
import type { CopyFrom, SharedPoint } from './shared-point.ts';
import { wait, type BackupFacts, type BackupStep } from './steps.ts';

/** A copy takes hours where much has changed: from then on it is looked at once a minute. */
const longAfter = minutes(5);

/** One copy of a recovery point in another Region, for the copies of all that share the point: {@link SharedPoint}. */
export function planPointCopy(facts: BackupFacts, backup: BackupItem): BackupStep {
  const { shared, source, operation } = facts;
  if (shared === undefined || source?.storage?.kind !== 'recovery-point' || source.state !== 'available')
    return fail(facts, { code: 'BackupNotFound', detail: `${backup.copyOf ?? 'Its source'} is gone.` });
  const { item, joined } = shared;
  // One that failed is begun anew by the next that wants it; who waited for it fails with it.
  if (item === undefined || (item.state === 'failed' && !joined))
    return { kind: 'sharePoint', message: `Copying from ${source.region} to ${backup.region}`, progress: 5 };
  if (item.state === 'failed') return fail(facts, failureOf(item));
  if (item.state === 'deleting') return wait(facts, 'Waiting until another copy of it is removed');
  if (!joined) return { kind: 'joinPoint', message: 'Sharing the copy of the recovery point', progress: 10 };
  const { path, vault, recoveryPointArn: arn } = source.storage;
  if (item.state === 'available') return finish(facts, item, { path, arn: item.recoveryPointArn });
  if (item.operationId !== operation.id) return copying(facts, backup);
  return drive(facts, item, { backup, shared, path, from: { region: source.region, arn, vault } });
}

interface Driven {
  readonly backup: BackupItem;
  readonly shared: SharedPoint;
  /** The volume's directory. */
  readonly path: string;
  readonly from: CopyFrom;
}

/** The job, by the operation that drives it. */
function drive(
  facts: BackupFacts,
  item: SharedPointItem,
  { backup, shared, path, from }: Driven,
): BackupStep {
  const { job } = shared;
  if (item.jobId === undefined) {
    const message = `Copying from ${from.region} to ${backup.region}`;
    return { kind: 'copyPoint', token: tokenOf(item), from, message, progress: 15 };
  }
  if (job === undefined) return untilShown(facts, item);
  if (job.state === 'failed') return afterFailure(facts, job, job.reason);
  if (job.state === 'running' || job.recoveryPointArn === '') return copying(facts, backup);
  return finish(facts, item, { path, arn: job.recoveryPointArn });
}

/** AWS Backup does not say how far it is. */
function copying(facts: BackupFacts, { region }: BackupItem): BackupStep {
  const long = ageOf(facts.operation, facts.now) > longAfter;
  return { ...wait(facts, `AWS Backup is copying it to ${region}`, long ? 60 : undefined), progress: 20 };
}

interface Copied {
  readonly path: string;
  readonly arn: string | undefined;
}

/** What a copy holds is of the moment of what it is made from. */
function finish(
  { backup }: BackupFacts,
  { fileSystemId, vault }: SharedPointItem,
  { path, arn = '' }: Copied,
): BackupStep {
  const storage = { kind: 'recovery-point', recoveryPointArn: arn, fileSystemId, path, vault } as const;
  const message = 'Complete';
  return { kind: 'finishPoint', storage, cutAt: backup?.cutAt, message, progress: 100 };
}
