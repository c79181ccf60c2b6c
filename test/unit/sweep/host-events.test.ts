import { describe, expect, it } from 'vitest';
import { replace } from '#shared/aws/table/writes.ts';
import { applyInstanceState, InstanceStateEvent } from '#functions/hosts/host-events.ts';
import { eachRecord } from '#functions/hosts/sqs-records.ts';
import { hostA, hostB, World } from '#test/unit/workers/support/world.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

function event(state: string, instance = hostA, time = '2026-11-23T12:00:00Z'): InstanceStateEvent {
  const detail = { 'instance-id': instance, state };
  return InstanceStateEvent.parse({ id: 'e', time, detail });
}

async function prepared() {
  const world = new World();
  await world.addHost(hostA);
  await world.addHost(hostB);
  const apply = (state: string, instance?: string, time?: string) => {
    return applyInstanceState(
      { table: world.table, waker: world.api.waker, log: silent },
      event(state, instance, time),
    );
  };
  const host = async (id: string) => (await world.table.readHost(id))?.host;
  return { world, apply, host };
}

describe('what EC2 says of a machine', () => {
  it('is recorded, and the others are woken when it can write no more', async () => {
    const { world, apply, host } = await prepared();
    expect(await apply('stopping')).toBe(true);
    expect(world.woken).toEqual([]);
    await apply('stopped');
    expect(await host(hostA)).toMatchObject({ instanceState: 'stopped' });
    expect(world.woken).toEqual([hostB]);
  });

  it('wakes the host when it runs', async () => {
    const { world, apply } = await prepared();
    await apply('running');
    expect(world.woken).toEqual([hostA]);
  });

  it('gives device names back that hung, once the instance stops', async () => {
    const { world, apply, host } = await prepared();
    const was = await host(hostA);
    if (was !== undefined)
      await world.table.transact([replace('host', was, { ...was, burnedDevices: ['/dev/sdf'] })]);
    await apply('stopping');
    expect((await host(hostA))?.burnedDevices).toEqual(['/dev/sdf']);
    await apply('stopped');
    expect((await host(hostA))?.burnedDevices).toEqual([]);
  });

  it('does not call a machine stopped that has registered since', async () => {
    const { apply, host } = await prepared();
    await apply('stopped', hostA, '2026-11-23T11:59:30Z');
    expect((await host(hostA))?.instanceState).toBe('running');
    await apply('terminated', hostA, '2026-11-23T11:59:30Z');
    expect((await host(hostA))?.instanceState).toBe('terminated');
  });

  it('keeps a terminated machine terminated, in whatever order events come', async () => {
    const { apply, host } = await prepared();
    await apply('terminated');
    await apply('shutting-down');
    expect((await host(hostA))?.instanceState).toBe('terminated');
  });

  it('goes forward only, in whatever order events come', async () => {
    const { apply, host } = await prepared();
    await apply('stopped');
    await apply('stopping');
    expect((await host(hostA))?.instanceState).toBe('stopped');
    await apply('running');
    await apply('pending');
    expect((await host(hostA))?.instanceState).toBe('running');
  });

  it('is nothing to us when it is no host of ours', async () => {
    const { world, apply } = await prepared();
    expect(await apply('stopped', 'i-0123456789abcdef0')).toBe(false);
    expect(world.woken).toEqual([]);
  });
});

describe('a batch of messages', () => {
  it('asks again only for those that failed', async () => {
    const done: string[] = [];
    const records = ['a', 'bad', 'c'].map((body) => ({ messageId: `m-${body}`, body }));
    const answer = await eachRecord(records, silent, (body) => {
      if (body === 'bad') return Promise.reject(new TypeError('no'));
      done.push(body);
      return Promise.resolve();
    });
    expect(done).toEqual(['a', 'c']);
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: 'm-bad' }] });
  });
});
