import { isProductError } from '#shared/model/errors.ts';
import type { BackupItem } from '#shared/model/items.ts';
import type { PolicyItem } from '#shared/model/policy-items.ts';
import { keep, type RetainedBackup, type RetentionPlan } from '#shared/model/retention.ts';
import { liveBackupUsers } from '#functions/backups/backup-users.ts';
import { deleteBackup } from '#functions/backups/delete-backup.ts';
import type { Ports } from '#functions/volumes/ports.ts';
import { policyCaller } from './begin-backup.ts';

/** What retention says of one volume in one place: of the backups themselves, or of the copies in one Region. */
export interface Retained {
  /** The policy's own there; nothing else is ever looked at. */
  readonly backups: ReadonlyMap<string, BackupItem>;
  readonly plan: RetentionPlan;
}

/**
 * Decides which of the policy's own backups of a volume stay, and by the same rules but by themselves which copies in each
 * Region: a copy never takes the place of a backup, nor the other way round.
 */
export async function planRetention(
  ports: Pick<Ports, 'table' | 'clock'>,
  policy: PolicyItem,
  volumeId: string,
): Promise<Retained[]> {
  const all = await ports.table.listBackupsOf(volumeId);
  const own = all.filter((backup) => isOwn(backup, policy) && backup.state !== 'deleting');
  const places = Map.groupBy(own, placeOf);
  const plans: Retained[] = [];
  for (const [, backups] of [...places].toSorted(([a], [b]) => a.localeCompare(b))) {
    const retained: RetainedBackup[] = [];
    for (const backup of backups) retained.push(await retainedOf(ports, backup));
    const plan = keep(retained, policy.retention, { timezone: policy.timezone, now: ports.clock() });
    plans.push({ backups: new Map(backups.map((backup) => [backup.id, backup])), plan });
  }
  return plans;
}

/** Before all Regions. */
const here = '';

function placeOf({ origin, region }: BackupItem): string {
  return origin === 'copy' ? region : here; // guard: retention-copies-apart off: return origin + region === '' ? region : here;
}

function isOwn({ origin, policy }: BackupItem, { id }: PolicyItem): boolean {
  return (origin === 'policy' || origin === 'copy') && policy === id; // guard: retention-own off: return origin !== 'copy';
}

export function momentOf({ cutAt, createdAt }: BackupItem): string {
  return cutAt ?? createdAt;
}

async function retainedOf(ports: Pick<Ports, 'table'>, backup: BackupItem): Promise<RetainedBackup> {
  const { id, state, operation, held, users } = backup;
  const busy = state === 'creating' || operation !== undefined;
  const inUse = busy || (users.length > 0 && (await liveBackupUsers(ports, backup)).length > 0);
  return { id, cutAt: momentOf(backup), good: state === 'available', inUse, held };
}

/**
 * Begins to remove what no rule of the policy keeps of one volume. The newest good backup must still be as it was read in
 * the transaction of each removal.
 * @returns ids of backups whose removal has begun
 */
export async function prune(ports: Ports, policy: PolicyItem, volumeId: string): Promise<string[]> {
  const pruned: string[] = [];
  for (const place of await planRetention(ports, policy, volumeId))
    pruned.push(...(await pruneIn(ports, policy, place)));
  return pruned;
}

async function pruneIn(ports: Ports, policy: PolicyItem, { plan, backups }: Retained): Promise<string[]> {
  const lastGood = [...plan.protected].find(([, why]) => why.includes('last-good'))?.[0] ?? '';
  const keeping = backups.get(lastGood);
  if (keeping === undefined) return [];
  const pruned: string[] = [];
  for (const backup of plan.pruned) {
    try {
      const call = { caller: { arn: policyCaller, userId: policyCaller, account: '' }, requestHash: '' };
      await deleteBackup(ports, { ...call, namespace: policy.namespace }, { backup, keeping });
      pruned.push(backup);
    } catch (error) {
      // Held, restored or removed since it was read: the next run decides anew.
      if (!isProductError(error)) throw error;
      ports.log.warn('backup not pruned', { backup, policy: policy.id, error });
    }
  }
  return pruned;
}
