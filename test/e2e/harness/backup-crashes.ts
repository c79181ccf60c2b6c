import { clientToken } from '#shared/aws/ec2/client-token.ts';
import { snapshotOfStorage, type Backup } from '#shared/model/backup.ts';
import { isProductError } from '#shared/model/errors.ts';
import type { Volume } from '#shared/model/volume.ts';
import type { FaultSwitch } from './admin.ts';
import type { Archive } from './archive-sender.ts';
import { isApart, type Cast, type Place } from './backup-cast.ts';
import type { BackupKill } from './backup-kills.ts';
import type { Crash } from './backup-kill-world.ts';
import type { TestCloud } from './cloud.ts';
import { namespace } from './subject.ts';

/** Where copies go. */
export const copyRegion = 'eu-west-1';

/** A backup, its volume and the host that has it. */
export interface Kept {
  readonly place: Place;
  readonly backup: Backup;
}

/** What asks for each operation, and what its calls of AWS name. */
export class BackupCrashes {
  readonly #cloud: TestCloud;
  readonly #cast: Cast;

  constructor(cloud: TestCloud, cast: Cast) {
    this.#cloud = cloud;
    this.#cast = cast;
  }

  /** A backup of the volume that is called like the kill. */
  backup(kill: BackupKill, { id, storage, hosts }: Volume): Crash {
    const params = { namespace, name: kill.key };
    return {
      ...kill,
      words: { SendMessage: hosts[0] ?? id },
      slow: storage?.kind === 'ebs' ? storage.volumeId : undefined,
      ask: () => this.#cloud.api.call('createBackup', { params, body: {}, ...keyOf(kill) }),
    };
  }

  /** To a new volume that is called like the kill. */
  restore(kill: BackupKill, { backup }: Kept): Crash {
    const params = { namespace, backup: backup.id };
    const body = { name: kill.key };
    return {
      ...kill,
      words: {
        CreateVolume: kill.key,
        CreateAccessPoint: kill.key,
        DeleteAccessPoint: undefined,
        StartRestoreJob: clientToken(`${kill.operation}#restore`, 1),
      },
      slow: snapshotOfStorage(backup.storage),
      find: () => this.#lookPointOf(kill),
      hold: slowLook(kill),
      ask: () => this.#cloud.api.call('restoreBackup', { params, body, ...keyOf(kill) }),
    };
  }

  /** In place of what the backup's own volume has. */
  restoreInPlace(kill: BackupKill, { backup, place }: Kept, { id, storage }: Volume): Crash {
    const ebsId = storage?.kind === 'ebs' ? storage.volumeId : id;
    const params = { namespace, backup: backup.id };
    const body = { name: place.name, inPlace: true };
    const made = kill.step === 'createIncoming';
    return {
      ...kill,
      words: {
        SendMessage: place.host.instanceId,
        CreateVolume: id,
        DetachVolume: ebsId,
        DeleteVolume: ebsId,
      },
      slow: made ? snapshotOfStorage(backup.storage) : ebsId,
      ask: () => this.#cloud.api.call('restoreBackup', { params, body, ...keyOf(kill) }),
    };
  }

  copy(kill: BackupKill, { backup }: Kept): Crash {
    const params = { namespace, backup: backup.id };
    const body = { region: copyRegion };
    const { storage } = backup;
    const arn = storage?.kind === 'recovery-point' ? storage.recoveryPointArn : undefined;
    return {
      ...kill,
      words: arn === undefined ? {} : { StartCopyJob: arn },
      slow: snapshotOfStorage(storage),
      ask: () => this.#cloud.api.call('copyBackup', { params, body, ...keyOf(kill) }),
    };
  }

  delete(kill: BackupKill, { backup }: Kept): Crash {
    const { id, storage } = backup;
    const arn = storage?.kind === 'recovery-point' ? storage.recoveryPointArn : id;
    const params = { namespace, backup: id };
    return {
      ...kill,
      // A removal takes no key, so its operation's id is not known: but everything that it writes names the backup.
      operation: id,
      words: {
        DeleteSnapshot: snapshotOfStorage(storage) ?? id,
        DeleteRecoveryPoint: encodeURIComponent(arn),
      },
      ask: () => unlessGone(this.#cloud.api.call('deleteBackup', { params })),
      hasEnded: () =>
        unlessGone(this.#cloud.api.call('getBackup', { params })).then((answer) => answer === 'gone'),
    };
  }

  drill(kill: BackupKill, { backup }: Kept): Crash {
    const { instanceId } = this.#cast.hostOf(kill);
    const snapshot = snapshotOfStorage(backup.storage) ?? backup.id;
    const params = { namespace, backup: backup.id };
    const body = { host: instanceId };
    return {
      ...kill,
      words: {
        SendMessage: instanceId,
        CreateVolume: snapshot,
        AttachVolume: undefined,
        DetachVolume: undefined,
        DeleteVolume: undefined,
      },
      slow: isApart(kill) ? instanceId : snapshot,
      find: () => this.#scratchOf(snapshot),
      ask: () => this.#cloud.api.call('drillBackup', { params, body, ...keyOf(kill) }),
    };
  }

  export(kill: BackupKill, { name, host }: Place): Crash {
    const params = { namespace, name };
    const body = { host: host.instanceId };
    return {
      ...kill,
      words: { SendMessage: host.instanceId },
      ask: () => this.#cloud.api.call('createExport', { params, body, ...keyOf(kill) }),
    };
  }

  /** Of an archive, to the volume that is called like the kill. */
  import(kill: BackupKill, archive: Archive, { host: { instanceId } }: Place): Crash {
    const sent = { name: kill.key, key: kill.key, host: instanceId };
    return {
      ...kill,
      words: { SendMessage: instanceId },
      ask: () => archive.send(sent),
    };
  }

  /** The volume that a drill of the snapshot has made. */
  async #scratchOf(snapshot: string): Promise<string | undefined> {
    const volumes = await this.#cloud.storage.volumes();
    return volumes.find(
      ({ snapshotId, tags }) =>
        snapshotId === snapshot &&
        tags.some(({ Key, Value }) => Key === 'Name' && Value.startsWith(`${namespace}/drill-`)),
    )?.id;
  }

  /** The temporary access point of a restore. */
  async #lookPointOf({ key }: BackupKill): Promise<string | undefined> {
    const points = await this.#cloud.storage.accessPoints();
    return points.find(({ path, tags }) => path === '/' && tags.some(({ Value }) => Value === key))?.id;
  }
}

/** The host's word of what it found comes late, so that its temporary access point is known before it goes. */
function slowLook({ effect, key, operation: about }: BackupKill): FaultSwitch | undefined {
  if (effect.action !== 'DeleteAccessPoint') return undefined;
  const answer = { service: 'execute-api', action: 'POST /v1/host/tasks/*/result', about, times: 1 };
  return { id: `hold-${key}`, kind: 'latency', ms: 20_000, ...answer };
}

/** Gone is what was asked for. */
function unlessGone<T>(answer: Promise<T>): Promise<T | 'gone'> {
  return answer.catch((error: unknown) => {
    if (isProductError(error, 'BackupNotFound')) return 'gone' as const;
    throw error;
  });
}

const keyOf = ({ key }: BackupKill) => ({ headers: { 'idempotency-key': key } });
