import { expect, it } from 'vitest';
import { keys } from '#shared/aws/table/keys.ts';
import { replace } from '#shared/aws/table/writes.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { BackupItem, OperationItem } from '#shared/model/items.ts';
import { copyBackup } from '#functions/backups/copy-backup.ts';
import { deleteBackup } from '#functions/backups/delete-backup.ts';
import { abroad, call, hostA, type World, type WorldOptions } from '#test/unit/workers/support/world.ts';
import { backedUp, backupOf, drill, hostAnswers } from './support/drills.ts';
import { everywhere, untilItEnds } from './support/killer.ts';

const manifest = { sha256: 'a'.repeat(64), bytes: 100, entries: 3, hashed: 2 };

/** A backup whose host has written down what the volume held. */
async function withManifest(options: WorldOptions = {}) {
  const { world, backup } = await backedUp(options);
  await world.table.transact([replace('backup', backup, { ...backup, manifest })]);
  world.manifests.objects.set(backup.id, world.clock());
  return { world, source: await backupOf(world, backup.id) };
}

async function begin(world: World, { id }: BackupItem, region: string): Promise<OperationItem> {
  const { body } = await copyBackup(world.backupsApi, call(), { backup: id, region, description: '' });
  return world.operation(body.id);
}

async function copied(world: World, source: BackupItem, region = abroad): Promise<BackupItem> {
  const { status, backup = '' } = await world.run((await begin(world, source, region)).id);
  expect(status).toBe('succeeded');
  return backupOf(world, backup);
}

const kept = ({ manifests }: World): string[] => [...manifests.objects.keys()].toSorted();

async function remove(world: World, { id }: BackupItem): Promise<void> {
  await world.run((await deleteBackup(world.api, call(), { backup: id })).body.id);
}

it('a copy has a manifest of its own: either is removed alone', async () => {
  const { world, source } = await withManifest();
  const copy = await copied(world, source);
  expect(copy.manifest).toEqual(manifest);
  expect(kept(world)).toEqual([source.id, copy.id].toSorted());
  await remove(world, source);
  expect(kept(world)).toEqual([copy.id]);
  const back = await copied(world, copy, 'us-east-1');
  await remove(world, copy);
  expect(kept(world)).toEqual([back.id]);
  await remove(world, back);
  expect(kept(world)).toEqual([]);
});

it('a drill of one that was copied back compares its files', async () => {
  const { world, source } = await withManifest();
  const back = await copied(world, await copied(world, source), 'us-east-1');
  const { id } = await drill(world, back);
  for (let turn = 0; turn < 100; turn++) {
    const task = await world.table.read('task', keys.task(id));
    if (task !== undefined) break;
    await hostAnswers(world, id, undefined);
    world.pass((await world.step(id)).waitSeconds);
  }
  expect(await world.table.read('task', keys.task(id))).toMatchObject({
    kind: 'verify',
    hostId: hostA,
    backupId: back.id,
    manifest,
  });
});

it('a copy whose manifest S3 refuses, or has not, is good without it', async () => {
  const { world, source } = await withManifest();
  world.manifests.fault = new ProductError('AccessDenied', 'not allowed');
  const refused = await copied(world, source);
  expect([refused.state, refused.manifest]).toEqual(['available', undefined]);
  await remove(world, refused);
  world.manifests.objects.clear();
  expect((await copied(world, source)).manifest).toBeUndefined();
});

it('a copy waits for S3 that does not answer', async () => {
  const { world, source } = await withManifest();
  world.manifests.fault = new ProductError('Unavailable', 'S3 does not answer.');
  expect((await copied(world, source)).manifest).toEqual(manifest);
});

it('a manifest that S3 does not copy within a step stays with the original', async () => {
  const { world, source } = await withManifest();
  const large = { ...manifest, bytes: 2 ** 29 };
  await world.table.transact([replace('backup', source, { ...source, manifest: large })]);
  expect((await copied(world, source)).manifest).toBeUndefined();
});

it.each(['crash-before', 'crash-after'] as const)(
  'a copy with a manifest survives a %s of each effect',
  async (side) => {
    const effects = await everywhere(side, async (killer) => {
      const { store, next } = killer;
      const { world, source } = await withManifest({ workerStore: store, fault: next });
      world.manifests.crash = next;
      const { id } = await begin(world, source, abroad);
      killer.begin();
      const { status, backup = '' } = await untilItEnds(world, id);
      expect(status).toBe('succeeded');
      expect((await backupOf(world, backup)).manifest).toEqual(manifest);
      expect(kept(world)).toEqual([source.id, backup].toSorted());
      expect(world.abroad.truth.snapshots.size).toBe(1);
    });
    expect(effects).toBeGreaterThan(6);
  },
);
