import { describe, expect, it } from 'vitest';
import { createBackup as createWrites } from '#shared/aws/table/backup-writes.ts';
import { keys } from '#shared/aws/table/keys.ts';
import { replace } from '#shared/aws/table/writes.ts';
import { deleteBackup } from '#functions/backups/delete-backup.ts';
import { drillBackup } from '#functions/backups/drill-backup.ts';
import { createBackup } from '#functions/backups/create-backup.ts';
import { CreateBackup } from '#shared/model/backup.ts';
import { showWithBackups } from '#functions/volumes/backup-history.ts';
import { listVolumes } from '#functions/volumes/list-volumes.ts';
import { ApiWorld } from '#test/support/api-world.ts';
import { ProductError } from '#shared/model/errors.ts';
import { call, existing, hostA, hostB, type World } from '#test/unit/workers/support/world.ts';

import { backedUp, backupOf, carryOut, done, drill, failed, leftOf, passed } from './support/drills.ts';

describe('a drill of a backup', () => {
  it('restores it to a scratch volume, has a host look into it, and leaves nothing but its outcome', async () => {
    const { world, backup } = await backedUp();
    const operation = await drill(world, backup);
    expect(operation).toMatchObject({ kind: 'drill', host: hostA, backup: backup.id });
    const ended = await carryOut(world, operation, done(passed));
    expect(ended).toMatchObject({ status: 'succeeded', progress: 100 });
    const after = await backupOf(world, backup.id);
    expect(after.drill).toMatchObject({
      outcome: 'passed',
      host: hostA,
      operation: operation.id,
      report: passed,
    });
    expect(after.drill?.restoreSeconds).toBeGreaterThan(0.5);
    expect(after.verified?.at).toBe(after.drill?.at);
    expect(after.users).toEqual([]);
    expect(await leftOf(world)).toEqual([]);
  });

  it('asks the host for what is on the backup: serial, filesystem, check', async () => {
    const { world, backup } = await backedUp();
    const operation = await drill(world, backup, { check: { command: 'test -f x' } });
    while ((await world.table.read('task', keys.task(operation.id))) === undefined)
      world.pass((await world.step(operation.id)).waitSeconds);
    const task = existing(await world.table.read('task', keys.task(operation.id)), 'task');
    const { volume } = await world.byId(operation.volumeId);
    const { format } = backup.source;
    expect(task).toMatchObject({
      kind: 'verify',
      hostId: hostA,
      backupId: backup.id,
      serial: volume.storage?.kind === 'ebs' ? volume.storage.volumeId : '',
      filesystem: format.state === 'formatted' ? { type: format.type, uuid: format.uuid } : {},
      check: { command: 'test -f x', timeoutSeconds: 600 },
    });
    expect(world.woken).toContain(hostA);
    const { items } = await listVolumes(world.api, 'default', {});
    expect(items.map(({ name }) => name)).toEqual(['data']);
    const blocks = world.storage.truth.volumes.get(task.kind === 'verify' ? task.serial : '');
    expect(blocks?.attachments).toHaveLength(1);
  });

  it('that finds something wrong has failed, and says what', async () => {
    const { world, backup } = await backedUp();
    const ended = await carryOut(world, await drill(world, backup), done(failed));
    expect(ended).toMatchObject({ status: 'failed', error: { code: 'DrillFailed' } });
    expect(ended.error?.detail).toContain('"data/a": is missing');
    const after = await backupOf(world, backup.id);
    expect(after.drill?.outcome).toBe('failed');
    expect(after.verified).toBeUndefined();
    expect(await leftOf(world)).toEqual([]);
  });

  it('that the host could not do has failed; that it did not get to is overdue', async () => {
    const { world, backup } = await backedUp();
    const outcomeOf = async (code: string) => {
      const answer = { outcome: 'failed', error: { code, detail: 'because' } } as const;
      await carryOut(world, await drill(world, backup), answer);
      return (await backupOf(world, backup.id)).drill?.outcome;
    };
    expect(await outcomeOf('DeviceRefused')).toBe('failed');
    expect(await outcomeOf('CommandFailed')).toBe('failed');
    expect(await outcomeOf('TimedOut')).toBe('overdue');
    expect(await leftOf(world)).toEqual([]);
  });

  it('keeps when it last passed, also when a later one is overdue', async () => {
    const { world, backup } = await backedUp();
    await carryOut(world, await drill(world, backup), done(passed));
    const { verified } = await backupOf(world, backup.id);
    world.pass(3600);
    await drill(world, backup);
    expect(await backupOf(world, backup.id)).toMatchObject({ verified, drill: { outcome: 'overdue' } });
  });
});

describe('without a host that can look, a drill is overdue and never passed', () => {
  const unable: [string, (world: World) => Promise<void>][] = [
    ['drained', (world) => changeHost(world, { draining: true })],
    ['stopped', (world) => changeHost(world, { instanceState: 'stopped' })],
    ['not heard of', (world) => Promise.resolve(world.pass(3600))],
    ['full', (world) => changeHost(world, { maxAttachments: 1 })],
  ];
  it.each(unable)('%s', async (_what, make) => {
    const { world, backup } = await backedUp();
    await make(world);
    const operation = await drill(world, backup);
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'HostNotFound' } });
    expect((await backupOf(world, backup.id)).drill).toMatchObject({ outcome: 'overdue', seconds: 0 });
    expect(await leftOf(world)).toEqual([]);
  });

  it('gone while it is to look', async () => {
    const { world, backup } = await backedUp();
    const operation = await drill(world, backup);
    expect(await world.run(operation.id)).toMatchObject({ status: 'failed' });
    expect((await backupOf(world, backup.id)).drill?.outcome).toBe('overdue');
    expect(await leftOf(world)).toEqual([]);
  });

  it('is in another zone: the copy is made there', async () => {
    const { world, backup } = await backedUp();
    await world.addHost(hostB, 'us-east-1b');
    await changeHost(world, { draining: true });
    const operation = await drill(world, backup);
    expect(operation.host).toBe(hostB);
    expect((await world.byId(operation.volumeId)).volume.availabilityZone).toBe('us-east-1b');
  });
});

async function changeHost(world: World, parts: object): Promise<void> {
  const { host } = existing(await world.table.readHost(hostA), hostA);
  await world.table.transact([replace('host', host, { ...host, ...parts })]);
}

describe('while a backup is drilled, the API', () => {
  it('refuses its removal', async () => {
    const { world, backup } = await backedUp();
    const operation = await drill(world, backup);
    const removal = deleteBackup(world.api, call(), { backup: backup.id });
    await expect(removal).rejects.toMatchObject({ code: 'BackupInUse' });
    await carryOut(world, operation, done(passed));
    await deleteBackup(world.api, call(), { backup: backup.id });
  });

  it('refuses a second drill, and gives the same one to the same request', async () => {
    const { world, backup } = await backedUp();
    const once = call({ idempotencyKey: 'k' });
    const request = { backup: backup.id };
    const first = await drillBackup(world.api, once, request);
    expect((await drillBackup(world.api, once, request)).body.id).toBe(first.body.id);
    await expect(drill(world, backup)).rejects.toMatchObject({
      code: 'OperationInProgress',
      details: { about: { operation: first.body.id } },
    });
  });

  it('refuses one that is not complete, and one of another namespace', async () => {
    const { world, backup } = await backedUp();
    const other = { ...backup, id: `bak-${'0'.repeat(26)}`, state: 'creating' as const };
    await world.table.transact(createWrites(other));
    await expect(drill(world, other)).rejects.toMatchObject({ code: 'IllegalState' });
    const foreign = drillBackup(world.api, call({ namespace: 'prod' }), { backup: backup.id });
    await expect(foreign).rejects.toMatchObject({ code: 'BackupNotFound' });
  });
});

describe('a drill whose scratch volume', () => {
  it.each(['error', 'drop'] as const)('AWS cannot make (%s) has failed', async (fault) => {
    const aws = { isWell: true };
    const { world, backup } = await backedUp({
      fault: (action) => (action === 'createVolume' && !aws.isWell ? fault : undefined),
    });
    aws.isWell = false;
    const ended = await carryOut(world, await drill(world, backup), done(passed));
    expect(ended).toMatchObject({ status: 'failed', error: { code: 'DrillFailed' } });
    expect((await backupOf(world, backup.id)).drill?.outcome).toBe('failed');
    expect(await leftOf(world)).toEqual([]);
  });

  it('cannot be attached in time is overdue', async () => {
    const aws = { isWell: true };
    const { world, backup } = await backedUp({
      fault: (action) => (action === 'attach' && !aws.isWell ? 'throttle' : undefined),
    });
    aws.isWell = false;
    const ended = await carryOut(world, await drill(world, backup), done(passed));
    expect(ended.status).toBe('failed');
    expect((await backupOf(world, backup.id)).drill?.outcome).toBe('overdue');
    expect(await leftOf(world)).toEqual([]);
  });
});

describe('the manifest of a backup', () => {
  const manifest = { sha256: 'a'.repeat(64), bytes: 100, entries: 3, hashed: 2 };

  /** Host A uses the volume `data`, and was asked for a cut. */
  async function asked() {
    const api = new ApiWorld();
    const host = await api.host(hostA);
    await api.create({ name: 'data', size: '1G', availabilityZone: 'us-east-1a' });
    const held = await host.take('data');
    await api.world.format('data');
    await host.lease(held, true);
    const request = { volume: 'data', ...CreateBackup.parse({}) };
    const { body } = await createBackup(api.world.api, call(), request);
    await api.world.step(body.id);
    const tell = (wish: object) =>
      host.send('POST', `tasks/${body.id}/manifest`, { bootId: host.bootId, ...wish });
    const cut = async () => {
      await host.send('POST', `tasks/${body.id}/cut`, { bootId: host.bootId, epoch: held.epoch });
      const result = { outcome: 'done', frozenMs: 3 };
      await host.send('POST', `tasks/${body.id}/result`, { bootId: host.bootId, result });
    };
    return { api, host, tell, cut, id: body.backup ?? '' };
  }

  it('is written where the control plane says, once the cut is made, and is then on the backup', async () => {
    const { api, tell, cut, id } = await asked();
    await cut();
    const signed = await tell({ want: 'write', manifest });
    expect(signed.body).toEqual({
      url: `https://archive.invalid/manifests/${id}.json.gz`,
      headers: { 'x-amz-checksum-sha256': manifest.sha256 },
    });
    expect((await backupOf(api.world, id)).manifest).toBeUndefined();
    expect((await tell({ want: 'written', manifest })).status).toBe(200);
    expect((await backupOf(api.world, id)).manifest).toEqual(manifest);
  });

  it('is refused before the cut, and to whoever has not made it', async () => {
    const { api, tell, cut, id } = await asked();
    expect(await tell({ want: 'write', manifest })).toMatchObject({ body: { code: 'IllegalState' } });
    await cut();
    const other = await api.host(hostB);
    const { operation = '' } = await backupOf(api.world, id);
    const body = { bootId: other.bootId, want: 'written', manifest };
    const refused = await other.send('POST', `tasks/${operation}/manifest`, body);
    expect(refused.body.code).toBe('OperationNotFound');
    expect(await tell({ want: 'read' })).toMatchObject({ body: { code: 'IllegalState' } });
  });

  it('is what the host that drills may read, and nothing else', async () => {
    const { api, host, tell, cut, id } = await asked();
    await cut();
    await tell({ want: 'written', manifest });
    await api.world.run((await backupOf(api.world, id)).operation ?? '');
    const operation = await drill(api.world, await backupOf(api.world, id));
    while ((await host.sync()).tasks.length === 0)
      api.world.pass((await api.world.step(operation.id)).waitSeconds);
    const [task] = (await host.sync()).tasks;
    expect(task).toMatchObject({ kind: 'verify', manifest, operationId: operation.id });
    const path = `tasks/${operation.id}/manifest`;
    const read = await host.send('POST', path, { bootId: host.bootId, want: 'read' });
    expect(read.body.url).toBe(`https://archive.invalid/manifests/${id}.json.gz`);
    const write = await host.send('POST', path, { bootId: host.bootId, want: 'write', manifest });
    expect(write.body.code).toBe('IllegalState');
  });

  it('goes with its backup, and stays with it where S3 refuses', async () => {
    const { world, backup } = await backedUp();
    const noted = { ...backup, manifest };
    await world.table.transact([replace('backup', backup, noted)]);
    world.manifests.objects.set(backup.id, world.clock());
    const remove = async () => {
      const { body } = await deleteBackup(world.api, call(), { backup: backup.id });
      return world.run(body.id);
    };
    world.manifests.fault = new ProductError('AccessDenied', 'not allowed');
    expect(await remove()).toMatchObject({ status: 'failed' });
    expect(await backupOf(world, backup.id)).toMatchObject({ state: 'available', manifest });
    expect(world.storage.truth.snapshots.size).toBe(1);
    expect(await remove()).toMatchObject({ status: 'succeeded' });
    expect([...world.manifests.objects.keys()]).toEqual([]);
    expect(world.storage.truth.snapshots.size).toBe(0);
  });

  it('its drill, and its backup are told with the volume', async () => {
    const { world, backup } = await backedUp();
    await carryOut(world, await drill(world, backup), done(passed));
    const { body } = await showWithBackups(world.api, await world.volume('data'));
    const { verified } = await backupOf(world, backup.id);
    expect(body.lastBackup).toEqual({ id: backup.id, at: backup.cutAt });
    expect(body.lastVerified).toEqual({ id: backup.id, ...verified });
  });
});
