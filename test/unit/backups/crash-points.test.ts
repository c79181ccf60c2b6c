import { createHash, hash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { answerTask } from '#shared/aws/table/backup-writes.ts';
import { put } from '#shared/aws/table/writes.ts';
import type { Effect } from '#shared/model/crash-points.ts';
import { hostedCrashPoints } from '#shared/model/crash-points-hosted.ts';
import type { BeginImport } from '#shared/model/archive-transfer.ts';
import { CreateBackup, RestoreBackup } from '#shared/model/backup.ts';
import type { TaskItem } from '#shared/model/items.ts';
import type { TaskResult } from '#shared/model/task.ts';
import { copyBackup } from '#functions/backups/copy-backup.ts';
import { CreateVolume } from '#shared/model/volume.ts';
import { keys } from '#shared/aws/table/keys.ts';
import { createBackup } from '#functions/backups/create-backup.ts';
import { deleteBackup } from '#functions/backups/delete-backup.ts';
import { drillBackup } from '#functions/backups/drill-backup.ts';
import { extractBackup } from '#functions/backups/read-backup.ts';
import { restoreBackup } from '#functions/backups/restore-backup.ts';
import type { HostTransferPorts } from '#functions/hosts/host-transfers.ts';
import { completeExport, signExportParts } from '#functions/hosts/host-transfers.ts';
import { cutVolume, type TaskPorts } from '#functions/hosts/host-tasks.ts';
import { beginImport, completeImport } from '#functions/transfers/imports.ts';
import { createVolume } from '#functions/volumes/create-volume.ts';
import { createExport } from '#functions/transfers/exports.ts';
import { restorePrefix } from '#shared/model/restored-directory.ts';
import { carryOut, stage, type CrashedLife } from '#test/unit/workers/support/crash-stage.ts';
import { judge } from '#test/unit/workers/support/judge.ts';
import { abroad, call, existing, hostA, hostB, type World } from '#test/unit/workers/support/world.ts';
import { passed } from './support/drills.ts';
import { mountOnce, network } from './support/recovery-world.ts';

/*
 * Operations on backups in which a host takes part, or AWS Backup, or S3: killed before and after each effect, they come to their
 * end and nothing of them is left over.
 */

type Hosted = keyof typeof hostedCrashPoints;

interface Operation extends CrashedLife {
  /** What is there of it in the end: by name. */
  readonly left: (world: World) => unknown;
  readonly expected: unknown;
}

const roleId = 'AROAHIVEMINDHOSTS1234';
const host = {
  arn: `arn:aws:sts::000000000000:assumed-role/hivemind-host/${hostA}`,
  userId: `${roleId}:${hostA}`,
  account: '000000000000',
};

/** The API of hosts, which may be killed as well. */
function hostPorts(world: World): TaskPorts & HostTransferPorts {
  return {
    ...world.api,
    table: world.tableOf('hosts-api'),
    snapshots: world.storage,
    objects: world.objects,
    queues: { ensure: () => Promise.resolve('') },
    newUuid: () => crypto.randomUUID(),
    hostSettings: { roleId, pollSeconds: 20 },
  };
}

async function attached(world: World): Promise<void> {
  await world.run(await world.create('data'));
  await world.run(await world.attach('data', hostA));
  await world.format('data');
}

async function inUse(world: World): Promise<void> {
  await attached(world);
  await world.use('data', true);
}

async function backedUp(world: World): Promise<void> {
  await attached(world);
  await world.run(await world.backUp('data'));
}

async function archived(world: World): Promise<void> {
  const options = { path: '/data/data' };
  await createVolume(world.api, call(), CreateVolume.parse({ name: 'data', type: 'hostpath', options }));
  const { body } = await createBackup(world.api, call(), {
    volume: 'data',
    ...CreateBackup.parse({ host: hostA }),
  });
  const at = world.clock().toISOString();
  const snapshot = { snapshotId: 'a'.repeat(64), at, files: 1, sizeBytes: 10, notes: [] };
  const task = existing(await world.table.read('task', keys.task(body.id)), body.id);
  await world.table.transact(answerTask(task, { outcome: 'done', snapshot }));
  await world.run(body.id);
}

async function networkVolume(world: World): Promise<void> {
  await world.run(await world.create('data', network));
  await mountOnce(world, 'data');
}

async function networkBackedUp(world: World): Promise<void> {
  await networkVolume(world);
  await world.run(await world.backUp('data'));
}

async function directoryArchived(world: World): Promise<void> {
  await world.create('data', {
    type: 'hostpath',
    size: undefined,
    availabilityZone: undefined,
    options: { path: '/data/data' },
  });
  const id = await world.backUp('data', { host: hostA });
  for (let turn = 0; turn < 3; turn++) {
    await refilling(world);
    await world.run(id, 1);
  }
}

/** A block volume's backup as files, which its host has made. */
async function filesArchived(world: World): Promise<void> {
  await attached(world);
  const id = await world.backUp('data', { engine: 'restic' });
  const at = world.clock().toISOString();
  const snapshot = { snapshotId: '1'.repeat(64), at, files: 1, sizeBytes: 10, addedBytes: 1, notes: [] };
  const task = existing(await world.table.read('task', { pk: `OP#${id}`, sk: 'TASK' }), 'task');
  await world.table.transact(answerTask(task, { outcome: 'done', snapshot }));
  await world.run(id);
}

async function lastBackup(world: World): Promise<string> {
  const { items } = await world.table.list('backupIndex', { pk: 'NS#default#BACKUPS', limit: 1 });
  return items[0]?.backupId ?? '';
}

/** The host's sync, and what it does of each task; then it says how that ended. */
const hostDoes =
  (perform: (world: World, task: TaskItem) => Promise<TaskResult>, hostId = hostA) =>
  async (world: World): Promise<void> => {
    const at = world.clock().toISOString();
    await world.table.transact([put('seen', { hostId, bootId: 'boot', at })]);
    const record = existing(await world.table.readHost(hostId), hostId);
    for (const task of record.tasks.filter(({ result }) => result === undefined)) {
      const result = await perform(world, task);
      const now = existing(
        await world.table.read('task', { pk: `OP#${task.operationId}`, sk: 'TASK' }),
        'task',
      );
      await world.tableOf('hosts-api').transact(answerTask(now, result));
    }
  };

const freezing = hostDoes(async (world, { operationId: operation, epoch }) => {
  const { bootId } = existing(await world.table.readHost(hostA), hostA).host;
  await cutVolume(hostPorts(world), host, { operation, bootId, epoch });
  return { outcome: 'done', frozenMs: 12.5 };
});

/** Its backup, or what it restored. */
const refilling = hostDoes((world, { kind }) => {
  const at = world.clock().toISOString();
  const snapshot = { snapshotId: 'a'.repeat(64), at, files: 1, sizeBytes: 10, addedBytes: 1, notes: [] };
  return Promise.resolve(kind === 'archive' ? { outcome: 'done', snapshot } : transferred);
});

/** Host B has no restic. It is heard of last, so that it is asked first. */
const restoring = async (world: World): Promise<void> => {
  const error = { code: 'NotSupported', detail: 'restic is not installed' };
  await hostDoes(() => Promise.resolve({ outcome: 'done', verify: passed }))(world);
  world.pass(1);
  await hostDoes(() => Promise.resolve({ outcome: 'failed', error }), hostB)(world);
};

const locating = hostDoes((world, task) => {
  const path = task.kind === 'locate' ? task.path : '';
  const found = [...world.recovery.directories]
    .filter((directory) => directory.startsWith(`/${restorePrefix}`) && directory.endsWith(path))
    .map((directory) => directory.slice(1, -path.length));
  return Promise.resolve({ outcome: 'done', found });
});

const content = Buffer.from('an archive, whatever is in it');
const sha256 = createHash('sha256').update(content).digest('hex');
const wanted = { partNumber: 1, sizeBytes: content.length, sha256: hash('sha256', content, 'base64') };
const transferred: TaskResult = { outcome: 'done', transfer: { files: 1, notes: [] } };

/** A try of its own each time, as the agent makes it; its last call is repeated. */
const packing = hostDoes(async (world, { operationId: operation }) => {
  const { bootId } = existing(await world.table.readHost(hostA), hostA).host;
  const ports = hostPorts(world);
  const common = { operation, bootId, attempt: crypto.randomUUID() };
  const signed = await signExportParts(ports, host, { ...common, parts: [wanted] });
  const parts = signed.map((part) => world.objects.put(part, content));
  const complete = () => completeExport(ports, host, { ...common, parts, sizeBytes: content.length, sha256 });
  await complete().catch(complete);
  return transferred;
});

/** What the CLI does with a file; after a refusal it begins again where it was. */
async function sendFile(world: World, inPlace: Pick<BeginImport, 'inPlace'> = {}): Promise<void> {
  const ports = { ...world.backupsApi, objects: world.objects };
  const request = { volume: 'data', sizeBytes: content.length, partBytes: 8 * 2 ** 20, ...inPlace };
  const { id: upload } = await beginImport(ports, call({ idempotencyKey: 'file' }), request);
  const transfer = existing(
    await world.table.read('transfer', { pk: `OP#${upload}`, sk: 'TRANSFER' }),
    upload,
  );
  const ref = { key: `transfers/${upload}/archive.tar.gz`, uploadId: transfer.uploadId ?? '' };
  const signed = await ports.objects.signParts(ref, [wanted]);
  const part = { ...wanted, etag: hash('md5', content) };
  const parts = world.objects.uploads.has(ref.uploadId)
    ? signed.map((one) => world.objects.put(one, content))
    : [part];
  await completeImport(ports, call(), { upload, parts, sha256 });
}

const snapshotsOf = ({ storage }: World): number => storage.truth.snapshots.size;
const volumesOf = ({ storage }: World): number =>
  [...storage.truth.volumes.values()].filter(({ state }) => state !== 'deleting').length;
/** An upload whose id nobody wrote down takes no parts, since nobody can sign them; the bucket ends it after a day. */
const archivesOf = ({ objects }: World): unknown => ({
  uploads: [...objects.uploads.values()].filter(({ signed }) => signed.size > 0).length,
  objects: objects.objects.size,
});

/** What the host and the record say of a drill in the end; the backup is nobody's any more. */
async function drilledOf(world: World): Promise<unknown> {
  const { drill, users } = existing(await world.table.readBackup(await lastBackup(world)), 'backup');
  const hostTasks = [...world.store.items.values()].filter(({ entity }) => entity === 'hostTask').length;
  return { outcome: drill?.outcome, host: drill?.host, users, hostTasks };
}

/** States and users of the backups of the volume. */
async function backupsOf(world: World): Promise<unknown> {
  const { volume } = await world.volume('data');
  return (await world.table.listBackupsOf(volume.id)).map(({ state, users }) => [state, users]);
}

/** What says that a volume's files are being restored. */
async function fillingOf(world: World): Promise<unknown> {
  const { id, filling } = (await world.volume('data')).volume;
  return { filling, importing: await world.table.read('importing', keys.importing(id)) };
}

const operations: Readonly<Record<Hosted, Operation>> = {
  frozenBackup: {
    prepare: inUse,
    ask: (world) => world.backUp('data'),
    meanwhile: freezing,
    left: snapshotsOf,
    expected: 1,
  },
  drill: {
    prepare: backedUp,
    ask: async (world) =>
      drillBackup(world.backupsApi, call({ idempotencyKey: 'drill' }), {
        backup: await lastBackup(world),
        host: hostA,
      }),
    meanwhile: hostDoes(() => Promise.resolve({ outcome: 'done', verify: passed })),
    left: volumesOf,
    expected: 1,
  },
  archiveDrill: {
    prepare: archived,
    ask: async (world) =>
      drillBackup(world.backupsApi, call({ idempotencyKey: 'drill' }), { backup: await lastBackup(world) }),
    meanwhile: restoring,
    left: drilledOf,
    expected: { outcome: 'passed', host: hostA, users: [], hostTasks: 0 },
  },
  recoveryPoint: {
    prepare: networkVolume,
    ask: (world) => world.backUp('data'),
    left: ({ recovery }) => recovery.points.size,
    expected: 1,
  },
  restoreRecoveryPoint: {
    prepare: networkBackedUp,
    ask: async (world) =>
      restoreBackup(world.backupsApi, call(), {
        backup: await lastBackup(world),
        ...RestoreBackup.parse({ name: 'copy' }),
      }),
    meanwhile: locating,
    left: ({ points, recovery }) => [points.wanted.length, recovery.begun.restores],
    expected: [2, 1],
  },
  copyRecoveryPoint: {
    prepare: networkBackedUp,
    ask: async (world) =>
      copyBackup(world.backupsApi, call(), {
        backup: await lastBackup(world),
        region: abroad,
        description: '',
      }),
    left: ({ recovery, recoveryAbroad }) => [recovery.begun.copies, recoveryAbroad.points.size],
    expected: [1, 1],
  },
  deleteRecoveryPoint: {
    prepare: networkBackedUp,
    ask: async (world) => deleteBackup(world.backupsApi, call(), { backup: await lastBackup(world) }),
    left: ({ recovery }) => recovery.points.size,
    expected: 0,
  },
  refill: {
    prepare: directoryArchived,
    ask: async (world) =>
      restoreBackup(world.backupsApi, call({ idempotencyKey: 'refill' }), {
        backup: await lastBackup(world),
        ...RestoreBackup.parse({ name: 'data', inPlace: true, host: hostA }),
      }),
    meanwhile: refilling,
    left: backupsOf,
    expected: [
      ['available', []],
      ['available', []],
    ],
  },
  export: {
    prepare: attached,
    ask: (world) => createExport(world.backupsApi, call({ idempotencyKey: 'export' }), { volume: 'data' }),
    meanwhile: packing,
    left: archivesOf,
    expected: { uploads: 0, objects: 1 },
  },
  readArchive: {
    prepare: filesArchived,
    ask: async (world) =>
      extractBackup(world.backupsApi, call({ idempotencyKey: 'extract' }), {
        backup: await lastBackup(world),
        path: 'db/data.sql',
      }),
    meanwhile: packing,
    left: archivesOf,
    expected: { uploads: 0, objects: 1 },
  },
  import: {
    prepare: attached,
    ask: (world) => sendFile(world),
    meanwhile: hostDoes(() => Promise.resolve(transferred)),
    left: archivesOf,
    expected: { uploads: 0, objects: 0 },
  },
  importInPlace: {
    prepare: attached,
    ask: (world) => sendFile(world, { inPlace: true }),
    meanwhile: refilling,
    left: async (world) => [archivesOf(world), await backupsOf(world), await fillingOf(world)],
    expected: [{ uploads: 0, objects: 0 }, [['available', []]], { filling: undefined, importing: undefined }],
  },
};

describe.each(Object.keys(operations) as Hosted[])('%s', (kind) => {
  it('has the effects that the table of crash points names, in their order', async () => {
    const staged = await stage(operations[kind]);
    await carryOut(operations[kind], staged);
    expect(staged.effects.recorded).toEqual(hostedCrashPoints[kind]);
    expect(await operations[kind].left(staged.world)).toEqual(operations[kind].expected);
  });

  const effects: readonly Effect[] = hostedCrashPoints[kind];
  const kills = effects.flatMap(({ by, what }, at) =>
    (['before', 'after'] as const).map((when) => ({ at, when, by, what })),
  );
  it.each(kills)('comes to its end when $by is killed $when $what', async ({ at, when }) => {
    const staged = await stage(operations[kind]);
    await carryOut(operations[kind], staged, { at, when });
    expect(staged.effects.killed).toBe(true);
    const { world } = staged;
    expect(await operations[kind].left(world)).toEqual(operations[kind].expected);
    expect(await judge(world)).toEqual([]);
  });
});
