import { describe, expect, it } from 'vitest';
import { keys } from '#shared/aws/table/keys.ts';
import { answerTask } from '#shared/aws/table/backup-writes.ts';
import { put, replace } from '#shared/aws/table/writes.ts';
import { CreateBackup, RestoreBackup } from '#shared/model/backup.ts';
import { BackupHooks, type HookRun, type VolumeBackups } from '#shared/model/consistency.ts';
import type { OperationItem } from '#shared/model/items.ts';
import { viewBackup } from '#shared/model/rules-backup.ts';
import { createBackup } from '#functions/backups/create-backup.ts';
import { restoreBackup } from '#functions/backups/restore-backup.ts';
import { updateVolume } from '#functions/volumes/update-volume.ts';
import { attached } from './support/attached.ts';
import { call, existing, hostA, World } from '#test/unit/workers/support/world.ts';

const hooks = BackupHooks.parse({ before: ['sh', '-c', 'lock'], container: 'db' });
const others = BackupHooks.parse({ after: ['unlock'] });

/** A world with the volume `data`, in use on host A. */
async function used(): Promise<World> {
  const world = new World();
  await world.addHost(hostA);
  await world.run(await world.create('data'));
  await world.run(await world.attach('data', hostA));
  await world.format('data');
  await world.use('data', true);
  return world;
}

type Asked = Partial<CreateBackup> & { readonly origin?: 'policy' };

async function begin(world: World, parts: Asked = {}): Promise<OperationItem> {
  const { origin, ...body } = parts;
  const request = { volume: 'data', ...CreateBackup.parse(body), ...(origin && { origin }) };
  return world.operation((await createBackup(world.api, call(), request)).body.id);
}

const store = (world: World, backups: VolumeBackups) =>
  updateVolume(world.api, call(), { name: 'data', update: { backups } });

/** What the host's call of the control plane leaves. */
async function hostCuts(world: World, id: string): Promise<void> {
  const { backup: backupId = '' } = await world.operation(id);
  const { storage: held } = (await world.volume('data')).volume;
  const { id: snapshotId } = await world.storage.createSnapshot({
    volumeId: held?.kind === 'ebs' ? held.volumeId : '',
    description: '',
    tags: { 'hivemind:backup': backupId, 'hivemind:operation': id },
  });
  const backup = existing(await world.table.readBackup(backupId), backupId);
  const storage = { kind: 'snapshot', snapshotId, sizeGiB: 10 } as const;
  await world.table.transact([replace('backup', backup, { ...backup, storage })]);
}

/** How a backup is cut, by what is asked for. */
async function cutOf(world: World, parts: Asked = {}) {
  const { backup = '' } = await begin(world, parts);
  const { consistency, hooks: chosen } = existing(await world.table.readBackup(backup), backup);
  return { consistency, ...(chosen && { hooks: chosen }) };
}

describe('hooks', () => {
  it('of a request go to the host with its task, and their ends to the record', async () => {
    const world = await used();
    const { id, backup = '' } = await begin(world, { hooks });
    await world.step(id);
    const task = existing(await world.table.read('task', keys.task(id)), 'task');
    expect(task).toMatchObject({ kind: 'cut', consistency: 'hooks', hooks });
    const hookRuns: HookRun[] = [{ when: 'before', container: 'db', ok: true, code: 0, ms: 12, output: '' }];
    await hostCuts(world, id);
    await world.table.transact(
      answerTask({ ...task, begun: true }, { outcome: 'done', frozenMs: 3, hookRuns }),
    );
    expect(await world.run(id)).toMatchObject({ status: 'succeeded' });
    const made = existing(await world.table.readBackup(backup), backup);
    expect(made).toMatchObject({ consistency: 'hooks', hookRuns });
    expect(viewBackup(made)).not.toHaveProperty('hooks');
  });

  it('that the volume has are for each backup that asks for nothing else', async () => {
    const world = await used();
    await store(world, { hooks });
    expect(await cutOf(world)).toEqual({ consistency: 'hooks', hooks });
  });

  it('of a request go before those of the volume, and so does another consistency', async () => {
    const world = await used();
    await store(world, { hooks });
    expect(await cutOf(world, { hooks: others })).toEqual({ consistency: 'hooks', hooks: others });
  });

  it.each(['none', 'freeze'] as const)('are left out with consistency %s', async (consistency) => {
    const world = await used();
    await store(world, { hooks });
    expect(await cutOf(world, { consistency })).toEqual({ consistency });
  });

  it('that a policy wants and a volume has not: it is frozen', async () => {
    const world = await used();
    expect(await cutOf(world, { consistency: 'hooks', origin: 'policy' })).toEqual({ consistency: 'freeze' });
  });

  it('that are not there, or would never run, are refused', async () => {
    const world = await used();
    await expect(begin(world, { consistency: 'hooks' })).rejects.toMatchObject({ code: 'InvalidInput' });
    const unused = { consistency: 'freeze', hooks } as const;
    await expect(begin(world, unused)).rejects.toMatchObject({
      code: 'InvalidInput',
      details: { allowed: 'hooks' },
    });
    await expect(store(world, unused)).rejects.toMatchObject({ code: 'InvalidInput' });
  });

  it('of network volumes are refused: many hosts may write to them', async () => {
    const world = new World();
    await world.addHost(hostA);
    const network = { type: 'network', size: undefined, availabilityZone: undefined } as const;
    await world.run(await world.create('data', network));
    const { id: volumeId } = (await world.volume('data')).volume;
    await world.table.transact([put('used', { volumeId, at: world.clock().toISOString() })]);
    await expect(begin(world, { hooks })).rejects.toMatchObject({ code: 'NotSupported' });
  });

  it.each([
    { type: 'network', options: {} },
    { type: 'hostpath', options: { path: '/data/data' } },
    { type: 'ephemeral', options: {} },
  ] as const)('are not kept with a $type volume, where none would ever run', async ({ type, options }) => {
    const world = new World();
    await world.addHost(hostA);
    const begun = await world.create('data', { type, size: undefined, availabilityZone: undefined, options });
    if (type === 'network') await world.run(begun);
    for (const backups of [{ hooks }, { consistency: 'freeze' }] as const)
      await expect(store(world, backups)).rejects.toMatchObject({
        code: 'NotSupported',
        details: { allowed: expect.stringContaining('local volumes') },
      });
    expect((await store(world, { consistency: 'none' })).body.backups).toEqual({ consistency: 'none' });
  });

  it('that a volume had are those of what is restored from its backup; in place it keeps its own', async () => {
    const world = await attached();
    await store(world, { hooks });
    const { id, backup: backupId = '' } = await begin(world, { consistency: 'none' });
    await world.run(id);
    const backup = existing(await world.table.readBackup(backupId), backupId);
    expect(backup.source.backups).toEqual({ hooks });
    await store(world, { consistency: 'none' });
    const request = { backup: backupId, ...RestoreBackup.parse({ name: 'copy' }) };
    await world.run((await restoreBackup(world.api, call(), request)).body.id);
    expect((await world.volume('copy')).volume.backups).toEqual({ hooks });
    await restoreBackup(world.api, call(), { ...request, name: 'data', inPlace: true });
    expect((await world.volume('data')).volume.backups).toEqual({ consistency: 'none' });
  });

  it('have as much time as they may take before the host is given up', async () => {
    const world = await used();
    const slow = { ...hooks, timeoutSeconds: 300 };
    const { id } = await begin(world, { hooks: slow });
    await world.step(id);
    world.pass(2 * 60 + 90 + 600 - 10);
    expect((await world.step(id)).outcome).toBe('wait');
    world.pass(60);
    await world.run(id);
    expect(await world.operation(id)).toMatchObject({ status: 'failed', error: { code: 'TimedOut' } });
  });
});
