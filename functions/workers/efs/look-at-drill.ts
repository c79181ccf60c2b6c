import { keys } from '#shared/aws/table/keys.ts';
import type { Table } from '#shared/aws/table/table.ts';
import type { VolumeItem } from '#shared/model/items.ts';
import type { ChangeFacts } from '../change.ts';
import type { EfsDrillFacts } from '../planner-efs-drill.ts';

type DrillPorts = Pick<Table, 'read' | 'readBackup' | 'readHost'>;

/** Of a drill: its backup, what its host was asked, and the volume that the backup is of. */
export async function lookAtDrill(
  table: DrillPorts,
  { operation }: ChangeFacts,
): Promise<EfsDrillFacts | undefined> {
  const { id, kind, backup: backupId = '', host = '' } = operation;
  if (kind !== 'drill') return undefined;
  const backup = await table.readBackup(backupId);
  const task = await table.read('task', keys.task(id));
  const volume = backup === undefined ? undefined : await table.read('volume', keys.volume(backup.volumeId));
  return {
    backup,
    task: task?.kind === 'verify-files' ? task : undefined,
    target: await table.readHost(host),
    live: liveOf(volume),
  };
}

/** While its files are there, and nobody is about to remove them. */
function liveOf(volume: VolumeItem | undefined): EfsDrillFacts['live'] {
  if (volume?.storage?.kind !== 'efs') return undefined;
  if (volume.state !== 'available' && volume.state !== 'attached') return undefined;
  const { fileSystemId, accessPointId } = volume.storage;
  return { fileSystemId, accessPointId };
}
