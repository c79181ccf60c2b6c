import { describe, expect, it } from 'vitest';
import { partitions } from '#shared/aws/table/keys.ts';
import { ProductError } from '#shared/model/errors.ts';
import { applyInstanceState, InstanceStateEvent } from '#functions/hosts/host-events.ts';
import { sweep } from '#functions/sweep/sweep.ts';
import { hostA, hostB, World } from '#test/unit/workers/support/world.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const day = 24 * 3_600;

async function prepared() {
  const world = new World();
  await world.addHost(hostA);
  await world.addHost(hostB);
  const terminate = async (): Promise<void> => {
    const detail = { 'instance-id': hostA, state: 'terminated' };
    const event = InstanceStateEvent.parse({ id: 'e', time: world.clock().toISOString(), detail });
    await applyInstanceState({ table: world.table, waker: world.api.waker, log: silent }, event);
  };
  const listed = async () =>
    (await world.table.list('hostIndex', { pk: partitions.hosts('default') })).items.map(
      ({ hostId }) => hostId,
    );
  return { world, terminate, listed, sweep: () => sweep(world.sweepPorts()) };
}

describe('hosts that are terminated', () => {
  it('lose their queue at once, and nobody else does', async () => {
    const { world, terminate, sweep } = await prepared();
    expect((await sweep()).queues).toEqual([]);
    await terminate();
    expect((await sweep()).queues).toEqual([hostA]);
    expect(world.removedQueues).toEqual([`https://sqs.invalid/${hostA}`]);
    expect((await sweep()).queues).toEqual([]);
  });

  it('lose their record after a day, with everything in it', async () => {
    const { world, terminate, sweep, listed } = await prepared();
    await terminate();
    await sweep();
    world.pass(day - 60);
    expect((await sweep()).hosts).toEqual([]);
    world.pass(60);
    expect((await sweep()).hosts).toEqual([hostA]);
    expect(await world.table.readHost(hostA)).toBeUndefined();
    expect(await listed()).toEqual([hostB]);
    expect(JSON.stringify([...world.store.items.keys()])).not.toContain(hostA);
  });

  it('keep it while it says which volumes they hold', async () => {
    const { world, terminate, sweep } = await prepared();
    await world.run(await world.create('data'));
    await world.run(await world.attach('data', hostA));
    await terminate();
    await sweep();
    world.pass(day);
    expect((await sweep()).hosts).toEqual([]);
    await world.run(await world.attach('data', hostB));
    expect((await sweep()).hosts).toEqual([hostA]);
  });

  it('lose it later when SQS or the table cannot right now', async () => {
    const { world, terminate } = await prepared();
    await terminate();
    const remove = () => Promise.reject(new ProductError('Throttled', 'Not now.'));
    expect((await sweep(world.sweepPorts({ queues: { remove } }))).queues).toEqual([]);
    expect((await sweep(world.sweepPorts())).queues).toEqual([hostA]);
  });
});
