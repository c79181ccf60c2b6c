import type { VolumeItem } from '#shared/model/items.ts';
import { keys } from '#shared/aws/table/keys.ts';
import { unbury } from '#shared/aws/table/volume-writes.ts';
import { ProductError } from '#shared/model/errors.ts';
import { stateAfterUndelete } from '#shared/model/rules-delete.ts';
import { underWay } from '#shared/model/rules-use.ts';
import { showPrior, showVolume, type Mutation } from './answer.ts';
import { checkIfMatch } from './if-match.ts';
import { bringBack, finalBackupOf } from './undelete-purged.ts';
import { commit, priorOf } from './intent.ts';
import type { Call, Ports } from './ports.ts';
import { settle } from './settle.ts';

export interface UndeleteRequest {
  readonly name: string;
  /** Another name, where its own was taken again. */
  readonly as?: string | undefined;
  /** Which tombstone of that name; else the newest. */
  readonly id?: string | undefined;
}

/**
 * Brings a deleted volume back: as it was, or from its final backup once its storage has been freed.
 * @throws ProductError UndoExpired when its storage is freed or being freed; NameTaken; VolumeNotFound; StaleRevision when
 *   If-Match names another revision of the tombstone.
 */
export async function undeleteVolume(ports: Ports, call: Call, request: UndeleteRequest): Promise<Mutation> {
  return settle(async () => {
    const prior = await priorOf(ports, call);
    if (prior !== undefined) return showPrior(ports, prior);
    const volume = await findTombstone(ports, call.namespace, request);
    checkIfMatch(volume, call.ifMatch);
    const name = request.as ?? volume.name;
    await refuseTaken(ports, call.namespace, name);
    const final = await finalBackupOf(ports, volume);
    if (final !== undefined) return bringBack(ports, call, { volume, name, final });
    const next: VolumeItem = {
      ...volume,
      name,
      state: stateAfterUndelete({ volume }),
      purge: false,
      deletedAt: undefined,
      purgeAt: undefined,
      updatedAt: ports.clock().toISOString(),
    };
    await commit(ports, call, { writes: unbury(volume, next), subject: volume.id, status: 200 });
    return showVolume(ports, volume.id);
  });
}

async function findTombstone(
  ports: Ports,
  namespace: string,
  { name, id }: UndeleteRequest,
): Promise<VolumeItem> {
  const tombstones = await ports.table.listTombstonesOf(namespace, name);
  const chosen = id === undefined ? tombstones.at(-1) : tombstones.find(({ volumeId }) => volumeId === id);
  const volume =
    chosen === undefined ? undefined : await ports.table.read('volume', keys.volume(chosen.volumeId));
  if (volume === undefined) {
    throw new ProductError(
      'VolumeNotFound',
      `There is no deleted volume "${name}" in namespace "${namespace}".`,
      {
        value: id ?? name,
        hint: 'List the deleted volumes; one whose undo window has ended is gone.',
      },
    );
  }
  if (volume.state !== 'deleted' && (volume.state !== 'purged' || volume.finalBackup === undefined)) {
    throw new ProductError('UndoExpired', `The storage of "${name}" has been freed.`, {
      value: name,
      about: { volumeId: volume.id },
      ...(volume.finalBackup === undefined ? {} : { hint: `Its final backup is ${volume.finalBackup}.` }),
    });
  }
  if (volume.operation !== undefined) throw underWay(volume);
  return volume;
}

async function refuseTaken(ports: Ports, namespace: string, name: string): Promise<void> {
  const claim = await ports.table.read('name', keys.name(namespace, name));
  if (claim === undefined) return;
  throw new ProductError('NameTaken', `"${name}" is the name of another volume now.`, {
    value: name,
    about: { volumeId: claim.volumeId },
    hint: 'Undelete it under another name (as).',
  });
}
