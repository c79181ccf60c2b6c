import type { BlockVolume } from '#shared/aws/ec2/block-storage.ts';
import { keys } from '#shared/aws/table/keys.ts';
import type { VolumeItem } from '#shared/model/items.ts';
import { tagKeys } from '#shared/model/tags.ts';
import type { SweepPorts } from './ports.ts';

/** A volume may be older than the record's word of it, while its create is under way. */
const grace = 15 * 60_000;

/** EC2 volumes with our tag that no record accounts for. Reported; a person frees them (contract 4). */
export async function findLeaks({ storage, table, clock, log }: SweepPorts): Promise<string[]> {
  const now = clock().getTime();
  const volumes = (await storage.listVolumes()).filter(
    ({ createdAt, state }) =>
      now - (createdAt?.getTime() ?? 0) > grace && state !== 'deleting' && state !== 'deleted',
  );
  const ids = [...new Set(volumes.flatMap(({ tags }) => tags[tagKeys.volumeId] ?? []))];
  const records = await table.readMany('volume', ids.map(keys.volume));
  const known = new Map(records.map((record) => [record.id, record]));
  const leaks = volumes.filter((volume) => !isAccountedFor(volume, known));
  for (const { id, tags, sizeGiB } of leaks) {
    log.warn('EC2 volume without a record', { ebsVolume: id, volumeId: tags[tagKeys.volumeId], sizeGiB });
  }
  return leaks.map(({ id }) => id);
}

/**
 * It is the record's storage, or the one that the record's current attempt made and whose answer is still to come. A restore in
 * place has up to two.
 */
function isAccountedFor({ id, tags }: BlockVolume, known: ReadonlyMap<string, VolumeItem>): boolean {
  const record = known.get(tags[tagKeys.volumeId] ?? '');
  if (record === undefined) return false;
  const { storage, incoming, outgoing, attempt } = record;
  const named = [storage, incoming?.storage, outgoing];
  if (named.some((held) => held?.kind === 'ebs' && held.volumeId === id)) return true; // guard: restore-no-leak off: if (storage?.kind === 'ebs' && storage.volumeId === id) return true;
  const isToCome = incoming === undefined ? storage === undefined : incoming.storage === undefined;
  return isToCome && record.state !== 'purged' && tags[tagKeys.attempt] === String(attempt);
}
