import { describe, expect, it } from 'vitest';
import { blockStorageContract } from '#test/support/block-storage-contract.ts';
import { FakeBlockStorage, type FakeBlockStorageOptions } from '#test/fakes/fake-block-storage.ts';

const hosts = ['i-0aaaaaaaaaaaaaaaa', 'i-0bbbbbbbbbbbbbbbb'] as const;

function stage(options: Omit<FakeBlockStorageOptions, 'clock'> = {}) {
  let now = Date.parse('2026-11-23T12:00:00Z');
  const storage = new FakeBlockStorage({ ...options, hosts, clock: () => new Date(now) });
  const pass = () => Promise.resolve(void (now += 1_000));
  return { storage, hosts, pass };
}

blockStorageContract('the fake', () => Promise.resolve(stage()));

const wanted = { clientToken: 't', sizeGiB: 1, availabilityZone: 'us-east-1a', encrypted: true, tags: {} };

describe('the fake, beyond what EC2 does on a good day', () => {
  it('loses answers of what it has done', async () => {
    const { storage } = stage({ fault: () => 'lost-answer' });
    await expect(storage.createVolume(wanted)).rejects.toMatchObject({ code: 'Unavailable' });
    expect(storage.truth.volumes.size).toBe(1);
  });

  it('does nothing when it throttles', async () => {
    const { storage } = stage({ fault: () => 'throttle' });
    await expect(storage.createVolume(wanted)).rejects.toMatchObject({ code: 'Throttled' });
    expect(storage.truth.volumes.size).toBe(0);
  });

  it('drops a volume that it has answered for', async () => {
    const { storage, pass } = stage({ fault: () => 'drop' });
    const { id } = await storage.createVolume(wanted);
    await pass();
    await pass();
    expect(storage.truth.volumes.has(id)).toBe(false);
  });

  it('shows late what was done', async () => {
    const { storage, pass } = stage({ readLag: () => 3_000 });
    const { id } = await storage.createVolume(wanted);
    expect(await storage.findVolumes([id])).toEqual([]);
    for (let count = 0; count < 4; count++) await pass();
    expect(await storage.findVolumes([id])).toMatchObject([{ state: 'creating' }]);
    await pass();
    expect(await storage.findVolumes([id])).toMatchObject([{ state: 'available' }]);
  });

  it('hangs an attach, and burns its device name', async () => {
    let hangs = true;
    const { storage, pass } = stage({
      fault: (action) => (action === 'attach' && hangs ? 'stuck' : undefined),
    });
    const { id } = await storage.createVolume(wanted);
    for (let count = 0; count < 3; count++) await pass();
    const there = { volumeId: id, instanceId: hosts[0], device: '/dev/sdf' };
    await storage.attach(there);
    for (let count = 0; count < 100; count++) await pass();
    expect((await storage.findVolumes([id]))[0]?.attachments).toMatchObject([{ state: 'attaching' }]);
    hangs = false;
    await storage.detach({ ...there, force: false });
    for (let count = 0; count < 3; count++) await pass();
    expect(await storage.attach(there)).toBe('device-taken');
  });

  it('keeps a detach busy while the device is held', async () => {
    const { storage, pass } = stage();
    const { id } = await storage.createVolume(wanted);
    for (let count = 0; count < 3; count++) await pass();
    const there = { volumeId: id, instanceId: hosts[0], device: '/dev/sdf' };
    await storage.attach(there);
    for (let count = 0; count < 3; count++) await pass();
    storage.hold(id, hosts[0]);
    await storage.detach({ ...there, force: false });
    for (let count = 0; count < 5; count++) await pass();
    expect((await storage.findVolumes([id]))[0]?.attachments).toMatchObject([{ state: 'busy' }]);
    storage.release(id, hosts[0]);
    for (let count = 0; count < 5; count++) await pass();
    expect((await storage.findVolumes([id]))[0]?.state).toBe('available');
  });
});
