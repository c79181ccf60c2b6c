import { keys } from '#shared/aws/table/keys.ts';
import type { VolumeRecord } from '#shared/aws/table/records.ts';
import type { DrilledItem } from '#shared/model/items.ts';
import type { Volume } from '#shared/model/volume.ts';
import { showRecord, type VolumeAnswer } from './answer.ts';
import type { Ports } from './ports.ts';

/** A record as it was read, with the last of its backups and the last drill of one that passed. */
export async function showWithBackups(
  { table }: Pick<Ports, 'table'>,
  record: VolumeRecord,
): Promise<VolumeAnswer> {
  const answer = showRecord(record);
  const history = await historyOf({ table }, record.volume.id);
  return { ...answer, body: { ...answer.body, ...history } };
}

/** The backup itself may have been pruned since. */
function verifiedBy({ backupId, at, restoreSeconds }: DrilledItem): NonNullable<Volume['lastVerified']> {
  return { id: backupId, at, restoreSeconds };
}

async function historyOf(
  { table }: Pick<Ports, 'table'>,
  volumeId: string,
): Promise<Pick<Volume, 'lastBackup' | 'lastVerified'>> {
  const backups = await table.listBackupsOf(volumeId);
  // A copy holds what another backup holds, somewhere else.
  const last = backups.findLast(({ state, origin }) => state === 'available' && origin !== 'copy');
  const drilled = await table.read('drilled', keys.drilled(volumeId, 'passed'));
  const kept = drilled === undefined ? [] : [verifiedBy(drilled)];
  const verified = backups
    .flatMap(({ id, verified: passed }) => (passed === undefined ? [] : [{ id, ...passed }]))
    .concat(kept)
    .toSorted((a, b) => (a.at < b.at ? 1 : -1))[0];
  return {
    ...(last === undefined ? {} : { lastBackup: { id: last.id, at: last.cutAt ?? last.createdAt } }),
    ...(verified === undefined ? {} : { lastVerified: verified }),
  };
}
