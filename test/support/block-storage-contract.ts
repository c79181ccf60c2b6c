import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import type { BlockStorage, BlockVolume, NewBlockVolume } from '#shared/aws/ec2/block-storage.ts';
import { productTagValue, tagKeys } from '#shared/model/tags.ts';
import { until } from './until.ts';

export interface BlockStorageStage {
  readonly storage: BlockStorage;
  /** Two running instances in us-east-1a. */
  readonly hosts: readonly [string, string];
  /** Lets a little time pass. */
  readonly pass: () => Promise<void>;
}

/** Milliseconds of real time between two looks, where time is real. */
export const realTime = (): Promise<void> => delay(20);

/** Every implementation of BlockStorage passes this suite: what the product believes of EC2. */
export function blockStorageContract(name: string, make: () => Promise<BlockStorageStage>): void {
  describe(`${name}: the contract of block storage`, () => {
    let stage: BlockStorageStage;
    beforeAll(async () => {
      stage = await make();
    });

    const wanted = (parts: Partial<NewBlockVolume> = {}): NewBlockVolume => ({
      clientToken: randomUUID(),
      sizeGiB: 1,
      availabilityZone: 'us-east-1a',
      encrypted: false,
      tags: { [tagKeys.product]: productTagValue, [tagKeys.volumeId]: 'vol-1' },
      ...parts,
    });
    const find = async (id: string): Promise<BlockVolume | undefined> =>
      (await stage.storage.findVolumes([id]))[0];
    const shows = (id: string, what: (volume: BlockVolume | undefined) => boolean) =>
      until(`${id} is as awaited`, async () => {
        await stage.pass();
        return what(await find(id));
      });
    const make1 = async (): Promise<string> => {
      const { id } = await stage.storage.createVolume(wanted());
      await shows(id, (volume) => volume?.state === 'available');
      return id;
    };
    const attached = async (host: string, device: string): Promise<string> => {
      const id = await make1();
      expect(await stage.storage.attach({ volumeId: id, instanceId: host, device })).toBe('attaching');
      await shows(id, (volume) => volume?.attachments[0]?.state === 'attached');
      return id;
    };

    it('makes one volume per token', async () => {
      const request = wanted({ sizeGiB: 2 });
      const first = await stage.storage.createVolume(request);
      expect(first).toMatchObject({ state: 'creating', sizeGiB: 2, volumeType: 'gp3', attachments: [] });
      expect((await stage.storage.createVolume(request)).id).toBe(first.id);
      await shows(first.id, (volume) => volume?.state === 'available');
      expect((await stage.storage.createVolume(request)).id).toBe(first.id);
      expect((await find(first.id))?.tags).toEqual(request.tags);
    });

    it('refuses a token with other parameters', async () => {
      const request = wanted();
      await stage.storage.createVolume(request);
      await expect(stage.storage.createVolume({ ...request, sizeGiB: 3 })).rejects.toMatchObject({
        code: 'StorageFailed',
        details: { about: { awsCode: 'IdempotentParameterMismatch' } },
      });
    });

    it('leaves out what it does not know', async () => {
      const id = await make1();
      const found = await stage.storage.findVolumes([id, 'vol-0fffffffffffffff0']);
      expect(found.map((volume) => volume.id)).toEqual([id]);
      expect(await stage.storage.findVolumes([])).toEqual([]);
      expect((await stage.storage.listVolumes()).map((volume) => volume.id)).toContain(id);
    });

    it('attaches, and detaches to available', async () => {
      const [host] = stage.hosts;
      const id = await attached(host, '/dev/sdf');
      expect(await find(id)).toMatchObject({
        state: 'in-use',
        attachments: [{ instanceId: host, device: '/dev/sdf', state: 'attached' }],
      });
      await stage.storage.detach({ volumeId: id, instanceId: host, force: false });
      await shows(id, (volume) => volume?.state === 'available' && volume.attachments.length === 0);
    });

    it('attaches to one instance at a time', async () => {
      const [a, b] = stage.hosts;
      const id = await attached(a, '/dev/sdg');
      expect(await stage.storage.attach({ volumeId: id, instanceId: b, device: '/dev/sdg' })).toBe(
        'volume-busy',
      );
      expect(await stage.storage.attach({ volumeId: id, instanceId: a, device: '/dev/sdg' })).toBe(
        'volume-busy',
      );
    });

    it('uses a device name once per instance', async () => {
      const [a, b] = stage.hosts;
      await attached(a, '/dev/sdh');
      const other = await make1();
      expect(await stage.storage.attach({ volumeId: other, instanceId: a, device: '/dev/sdh' })).toBe(
        'device-taken',
      );
      expect(await stage.storage.attach({ volumeId: other, instanceId: b, device: '/dev/sdh' })).toBe(
        'attaching',
      );
    });

    it('takes a detach of what is not attached there for done', async () => {
      const [a, b] = stage.hosts;
      const free = await make1();
      await stage.storage.detach({ volumeId: free, instanceId: a, force: false });
      const id = await attached(a, '/dev/sdi');
      await stage.storage.detach({ volumeId: id, instanceId: b, force: false });
      expect((await find(id))?.attachments).toMatchObject([{ instanceId: a, state: 'attached' }]);
    });

    it('deletes once, and says so again', async () => {
      const id = await make1();
      expect(await stage.storage.deleteVolume(id)).toBe('deleted');
      expect(await stage.storage.deleteVolume(id)).toBe('deleted');
      await shows(id, (volume) => volume === undefined || volume.state === 'deleting');
    });

    it('does not delete what is attached', async () => {
      const id = await attached(stage.hosts[0], '/dev/sdj');
      expect(await stage.storage.deleteVolume(id)).toBe('in-use');
      expect((await find(id))?.state).toBe('in-use');
    });

    it('finds the snapshots of an operation, and deletes one once', async () => {
      const volumeId = await make1();
      const operation = `op-${randomUUID()}`;
      const tags = { [tagKeys.product]: productTagValue, [tagKeys.operation]: operation };
      const { id } = await stage.storage.createSnapshot({ volumeId, description: 'test', tags });
      await until('the snapshot is completed', async () => {
        await stage.pass();
        const found = await stage.storage.findSnapshots({ operation: operation });
        return found.length === 1 && found[0]?.id === id && found[0].state === 'completed';
      });
      await stage.storage.deleteSnapshot(id);
      await stage.storage.deleteSnapshot(id);
      expect(await stage.storage.findSnapshots({ operation: operation })).toEqual([]);
    });

    it('refuses to attach to an instance that is not there', async () => {
      const volumeId = await make1();
      const gone = { volumeId, instanceId: 'i-0dddddddddddddddd', device: '/dev/sdf' };
      await expect(stage.storage.attach(gone)).rejects.toMatchObject({ code: 'HostNotFound' });
    });
  });
}
