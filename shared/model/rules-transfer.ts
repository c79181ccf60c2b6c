import type { ArchiveMetadata } from './archive.ts';
import { ProductError } from './errors.ts';
import type { BackupItem, VolumeItem } from './items.ts';
import { busy, illegal, refuseFilling, underWay, usersOf, type VolumeFacts } from './rules-use.ts';
import { driverTraits } from './volume.ts';

const usable: ReadonlySet<string> = new Set(['available', 'attaching', 'attached', 'detaching']);

/**
 * Whether a volume's files can be packed now.
 * @throws ProductError NotSupported for what is gone with its container; IllegalState for what holds nothing yet.
 */
export function decideExport({ volume, lease }: VolumeFacts): void {
  refuseEphemeral(volume);
  refuseFilling(volume);
  if (volume.state === 'creating') throw underWay(volume);
  const blank = driverTraits[volume.driver].formatted && lease?.filesystem.state !== 'formatted';
  if (volume.state === 'unplaced' || blank)
    throw illegal(
      volume,
      `"${volume.name}" is blank: nothing was ever written to it.`,
      'Use it once, then back it up.',
    );
  refuseUnusable(volume);
}

/**
 * Whether an archive can be unpacked into a volume now. That it is empty is for the host to see.
 * @throws ProductError NotSupported; IllegalState; VolumeBusy naming the containers that use it.
 */
export function decideImport(facts: VolumeFacts): void {
  const { volume } = facts;
  refuseEphemeral(volume);
  refuseFilling(volume);
  if (volume.state === 'creating') throw underWay(volume);
  if (volume.state !== 'unplaced') refuseUnusable(volume);
  if (volume.readOnly)
    throw illegal(volume, `"${volume.name}" is read-only.`, 'Restore to a volume that can be written to.');
  const live = usersOf(facts).filter(({ containers }) => containers.length > 0);
  if (live.length > 0)
    throw busy(volume, { live, states: {} }, 'Stop the containers, or restore to another name.');
}

/** @throws ProductError NotSupported for what is gone with its container */
export function refuseEphemeral({ name, type, driver }: VolumeItem): void {
  if (driverTraits[driver].durable) return;
  throw new ProductError('NotSupported', `"${name}" is ${type}: it is gone with its container.`, {
    value: type,
    allowed: 'local, network and hostpath volumes',
    hint: 'Keep what shall last in a volume of another type.',
  });
}

function refuseUnusable(volume: VolumeItem): void {
  if (!usable.has(volume.state))
    throw illegal(volume, `"${volume.name}" is ${volume.state}.`, 'Use a volume that exists.');
}

/** What an archive says of the volume it is made of: enough to create it again. */
export function archiveMetadata(volume: VolumeItem, now: Date): ArchiveMetadata {
  const { name, type, driver, sizeBytes = null, labels, options, owner, filesystem = null } = volume;
  const createdAt = now.toISOString();
  return { version: 1, name, type, driver, sizeBytes, labels, options, owner, filesystem, createdAt };
}

/** What an archive says that is made of a backup's files. */
export function archiveMetadataOf({
  volume: name,
  source,
  cutAt,
  createdAt: begun,
}: BackupItem): ArchiveMetadata {
  const { type, driver, sizeBytes = null, labels, options, owner, filesystem = null } = source;
  const createdAt = cutAt ?? begun;
  return { version: 1, name, type, driver, sizeBytes, labels, options, owner, filesystem, createdAt };
}
