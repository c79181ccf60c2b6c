import { describe, expect, it } from 'vitest';
import type { BlockVolume } from '#shared/aws/ec2/block-storage.ts';
import { nextDevice } from '#functions/workers/ebs/devices.ts';
import { planEfs } from '#functions/workers/planner-efs.ts';
import { planEbs } from '#functions/workers/planner-ebs.ts';
import type { EbsFacts } from '#functions/workers/planner-ebs-steps.ts';
import { efsFacts } from './support/facts.ts';
import { hostA, hostB, undoWindowHours, World } from './support/world.ts';

/** Each test here fails when the line that is marked with its guard's name is switched off (npm run test:guards). */

async function attachedToA(): Promise<World> {
  const world = new World();
  await world.addHost(hostA);
  await world.addHost(hostB);
  await world.run(await world.create('data'));
  await world.run(await world.attach('data', hostA));
  return world;
}

/** What the planner would see, but for what the test says of EC2. */
async function factsOf(world: World, operationId: string, parts: Partial<EbsFacts> = {}): Promise<EbsFacts> {
  const operation = await world.operation(operationId);
  const record = await world.byId(operation.volumeId);
  const [block] = await world.storage.findVolumes(
    record.volume.storage?.kind === 'ebs' ? [record.volume.storage.volumeId] : [],
  );
  const target = await world.table.readHost(operation.host ?? '');
  const now = world.clock();
  const rest = { snapshots: [], backups: [], holderPowerless: false, undoWindowHours, region: 'us-east-1' };
  return { operation, record, block, target, now, ...rest, ...parts };
}

const detached = (block: BlockVolume | undefined, state: BlockVolume['state']): BlockVolume | undefined =>
  block === undefined ? undefined : { ...block, state, attachments: [] };

describe('contract 3: one writer', () => {
  it('detach-before-attach: a hand-over begins with the detach', async () => {
    const world = await attachedToA();
    const facts = await factsOf(world, await world.attach('data', hostB));
    expect(planEbs(facts)).toMatchObject({ kind: 'detachVolume', instanceId: hostA, force: false });
  });

  it('wait-available: a volume that is in use by nobody is not free yet', async () => {
    const world = await attachedToA();
    const id = await world.detach('data');
    await world.step(id);
    const facts = await factsOf(world, id);
    const plan = planEbs({ ...facts, block: detached(facts.block, 'in-use') });
    expect(plan.kind).toBe('wait');
  });

  it('attach-waits-available: nothing is attached that EC2 does not call available', async () => {
    const world = new World();
    await world.addHost(hostA);
    await world.run(await world.create('data'));
    const facts = await factsOf(world, await world.attach('data', hostA));
    expect(planEbs(facts).kind).toBe('attachVolume');
    expect(planEbs({ ...facts, block: detached(facts.block, 'in-use') }).kind).toBe('wait');
  });

  it('attach-epoch: a lease that has moved on ends the attach', async () => {
    const world = await attachedToA();
    const id = await world.attach('data', hostB);
    await world.changeLease('data', (lease) => ({ epoch: lease.epoch + 1 }));
    expect((await world.run(id)).error?.code).toBe('StaleEpoch');
    expect(world.storage.calls.filter(({ action }) => action === 'attach')).toHaveLength(1);
  });

  it('detach-in-use: EC2 is not asked to detach what the holder uses', async () => {
    const world = await attachedToA();
    const id = await world.detach('data');
    const facts = await factsOf(world, id);
    expect(planEbs(facts).kind).toBe('detachVolume');
    await world.changeLease('data', () => ({ holder: hostA, inUse: true }));
    const used = await factsOf(world, id);
    expect(planEbs(used)).toMatchObject({ kind: 'restore', failure: { code: 'VolumeBusy' } });
  });
});

describe('contract 4: create is safe to repeat', () => {
  it('create-token: a repeat after a lost answer makes no second volume', async () => {
    let lost = 1;
    const world = new World({
      fault: (action) => (action === 'createVolume' && lost-- > 0 ? 'lost-answer' : undefined),
    });
    expect((await world.run(await world.create('data'))).status).toBe('succeeded');
    expect(world.storage.truth.volumes.size).toBe(1);
  });

  it('create-believes-late: a volume that EC2 shows late is waited for', async () => {
    let lag = 300_000;
    const world = new World({ readLag: () => (lag -= 30_000) });
    const operation = await world.run(await world.create('data'));
    expect(operation).toMatchObject({ status: 'succeeded' });
    expect(world.storage.truth.volumes.size).toBe(1);
  });
});

describe('contract 5: delete can be undone', () => {
  it('delete-in-use: a delete with force waits for the hand-back', async () => {
    const world = await attachedToA();
    await world.use('data', true);
    const id = await world.delete('data', { force: true });
    for (let count = 0; count < 5; count++) {
      await world.step(id);
      world.pass(10);
    }
    expect((await world.volume('data')).volume.state).toBe('deleting');
    expect(world.storage.calls.map(({ action }) => action)).not.toContain('detach');
    await world.use('data', false);
    expect((await world.run(id)).status).toBe('succeeded');
  });

  it('delete-in-use-shared: a network volume in use is not buried', () => {
    const facts = efsFacts({ kind: 'delete', state: 'deleting', inUse: true });
    expect(planEfs(facts).kind).toBe('wait');
    expect(planEfs({ ...facts, powerless: new Set([hostA]) }).kind).toBe('bury');
  });

  it('purge-window: storage is not freed before the window ends', async () => {
    const world = await attachedToA();
    const id = await world.delete('data', { purge: true });
    while ((await world.byId((await world.operation(id)).volumeId)).volume.state !== 'purging') {
      world.pass((await world.step(id)).waitSeconds);
    }
    const facts = await factsOf(world, id);
    expect(planEbs(facts).kind).toBe('deleteVolume');
    const volume = {
      ...facts.record.volume,
      purge: false,
      purgeAt: new Date(facts.now.getTime() + 1000).toISOString(),
    };
    expect(planEbs({ ...facts, record: { ...facts.record, volume } }).kind).toBe('abandon');
  });

  it('purge-empties-first: an access point goes only after its directory is empty', () => {
    const facts = efsFacts({ kind: 'purge', state: 'purging', inUse: false });
    expect(planEfs(facts)).toMatchObject({ kind: 'createPurgePoint', hostId: hostA });
  });
});

describe('contract 5: what is shared', () => {
  it('purge-unused: nothing is emptied under containers that a detach by force left running', () => {
    const facts = efsFacts({ kind: 'purge', state: 'purging', inUse: false });
    expect(planEfs({ ...facts, remnants: [hostB] })).toMatchObject({ kind: 'wait' });
  });
});

describe('contract 8: one step at a time', () => {
  it('step-claim-respected: AWS is not asked while a step may be under way', async () => {
    let reads = 0;
    const world = new World({
      fault: (action) => {
        if (action === 'read') reads++;
        return action === 'attach' ? 'crash-after' : undefined;
      },
    });
    await world.addHost(hostA);
    await world.run(await world.create('data'));
    const id = await world.attach('data', hostA);
    await expect(world.step(id)).rejects.toThrow('after attach');
    reads = 0;
    world.pass(34);
    expect(await world.step(id)).toMatchObject({ outcome: 'wait', waitSeconds: 1 });
    expect(reads).toBe(0);
    world.pass(2);
    await world.step(id);
    expect(reads).toBe(1);
  });

  it('operation-owns-volume: an operation that was superseded touches nothing', async () => {
    const world = await attachedToA();
    const facts = await factsOf(world, await world.detach('data'));
    const volume = { ...facts.record.volume, operation: 'op-00000000000000000000000000' };
    expect(planEbs({ ...facts, record: { ...facts.record, volume } }).kind).toBe('abandon');
  });

  it('device-names: the next free name after the last one used', () => {
    const host = { lastDevice: 0, burnedDevices: ['/dev/sdg'] };
    expect(nextDevice(host, [{ device: '/dev/sdh' }])).toBe('/dev/sdi');
  });
});
