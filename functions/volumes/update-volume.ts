import type { VolumeItem } from '#shared/model/items.ts';
import { relabel } from '#shared/aws/table/volume-writes.ts';
import { refuseUnusedCut, refuseUnusedHooks } from '#shared/model/rules-consistency.ts';
import { replace } from '#shared/aws/table/writes.ts';
import type { UpdateVolume } from '#shared/model/volume.ts';
import { showVolume, type VolumeAnswer } from './answer.ts';
import { findVolume } from './find.ts';
import { checkIfMatch } from './if-match.ts';
import type { Call, Ports } from './ports.ts';
import { settle } from './settle.ts';

/**
 * Changes labels, description, protection or how backups are cut.
 * @throws ProductError InvalidInput, NotSupported for hooks that would never run; StaleRevision when If-Match names another revision; VolumeNotFound.
 */
export async function updateVolume(
  ports: Ports,
  call: Call,
  { name, update }: { name: string; update: UpdateVolume },
): Promise<VolumeAnswer> {
  refuseUnusedHooks(update.backups ?? {});
  return settle(async () => {
    const { volume } = await findVolume(ports, call.namespace, name);
    checkIfMatch(volume, call.ifMatch);
    if (update.backups !== undefined) refuseUnusedCut(volume, update.backups);
    const next: VolumeItem = {
      ...volume,
      labels: update.labels ?? volume.labels,
      description: update.description ?? volume.description,
      protected: update.protected ?? volume.protected,
      backups: update.backups ?? volume.backups,
      updatedAt: ports.clock().toISOString(),
    };
    await ports.table.transact([replace('volume', volume, next), ...relabel(volume, next.labels)]);
    return showVolume(ports, volume.id);
  });
}
