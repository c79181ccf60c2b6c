import { describe, expect, it } from 'vitest';
import { newestFirst, rebuild, recordAgain } from '#local/cloud/rebuild.ts';
import { replace } from '#shared/aws/table/writes.ts';
import { Table } from '#shared/aws/table/table.ts';
import type { LeaseItem } from '#shared/model/items.ts';
import { MemoryStore } from '#test/fakes/memory-store.ts';

it('gives a name back to the volume that had it last, not to one that was deleted before', () => {
  const old = { VolumeId: 'vol-1', CreateTime: new Date('2026-11-22T12:00:00Z') };
  const live = { VolumeId: 'vol-2', CreateTime: new Date('2026-11-23T12:00:00Z') };
  expect(newestFirst([old, { VolumeId: 'vol-3' }, live]).map(({ VolumeId }) => VolumeId)).toEqual([
    'vol-2',
    'vol-1',
    'vol-3',
  ]);
});

describe('the record of a volume whose record was lost', () => {
  const now = new Date('2026-11-23T12:00:00Z');
  const epoch = now.getTime() / 1000;
  const volumeId = 'vol-01JD0000000000000000000000';
  const found = {
    VolumeId: 'vol-0123456789abcdef0',
    Size: 2,
    AvailabilityZone: 'us-east-1a',
    Tags: [
      { Key: 'hivemind:volume-id', Value: volumeId },
      { Key: 'hivemind:name', Value: 'data' },
    ],
  };
  const filesystem = { state: 'formatted', type: 'ext4', uuid: crypto.randomUUID(), mounted: true } as const;
  const made = (State?: 'attached' | 'attaching' | 'detaching' | 'busy') => {
    const holder = { InstanceId: 'i-0123456789abcdef0', Device: '/dev/sdg', State };
    const volume = State === undefined ? found : { ...found, Attachments: [holder] };
    return rebuild(volume, { account: '000000000000', filesystem, now });
  };

  it.each([undefined, 'detaching', 'busy'] as const)('is that of a free one (%s)', (state) => {
    expect(made(state)).toMatchObject({
      volume: { id: volumeId, name: 'data', state: 'available', hosts: [] },
      lease: { epoch, inUse: false, filesystem },
      attachment: undefined,
    });
  });

  it.each(['attached', 'attaching'] as const)('is that of one which its host may be using (%s)', (state) => {
    const hostId = 'i-0123456789abcdef0';
    expect(made(state)).toMatchObject({
      volume: { state: 'attached', hosts: [hostId] },
      lease: { epoch, inUse: true, holder: hostId, filesystem },
      attachment: { hostId, epoch, device: '/dev/sdg', desired: 'attached', actual: 'attached' },
    });
  });

  it('is made once, and one that has its volume as blank catches up with what is on it', async () => {
    const table = new Table(new MemoryStore());
    const record = made('attached') as NonNullable<ReturnType<typeof made>>;
    expect(await recordAgain(table, record)).toBe(true);
    expect(await recordAgain(table, record)).toBe(false);

    const blank = { state: 'blank', type: 'ext4' } as const;
    const lease = (await table.readVolume(volumeId))?.lease as LeaseItem;
    await table.transact([replace('lease', lease, { ...lease, filesystem: blank })]);
    const empty = { ...record, lease: { ...record.lease, filesystem: blank } };
    const other = { VolumeId: 'vol-0fedcba9876543210' };
    for (const unlike of [empty, rebuild({ ...found, ...other }, { account: '0', filesystem, now })])
      expect(unlike && (await recordAgain(table, unlike))).toBe(false);
    expect(await recordAgain(table, record)).toBe(true);
    expect((await table.readVolume(volumeId))?.lease).toMatchObject({ epoch, inUse: true, filesystem });
  });

  it('is not made without the tags that say whose it is', () => {
    expect(rebuild({ ...found, Tags: [] }, { account: '0', filesystem, now })).toBeUndefined();
  });
});
