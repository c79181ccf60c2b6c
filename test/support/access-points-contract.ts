import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { AccessPoints, NewAccessPoint } from '#shared/aws/efs/access-points.ts';
import { productTagValue, tagKeys } from '#shared/model/tags.ts';
import { until } from './until.ts';

export interface AccessPointsStage {
  readonly points: AccessPoints;
  readonly pass: () => Promise<void>;
}

/** Every implementation of AccessPoints passes this suite: what the product believes of EFS. */
export function accessPointsContract(name: string, make: () => Promise<AccessPointsStage>): void {
  describe(`${name}: the contract of access points`, () => {
    let stage: AccessPointsStage;
    beforeAll(async () => {
      stage = await make();
    });
    const wanted = (): NewAccessPoint => ({
      clientToken: randomUUID(),
      path: `/volumes/${randomUUID()}`,
      owner: { uid: 1000, gid: 1000, mode: '0755' },
      tags: { [tagKeys.product]: productTagValue },
    });

    it('makes one access point per token, rooted where asked', async () => {
      const request = wanted();
      const { id, path } = await stage.points.create(request);
      expect(path).toBe(request.path);
      expect((await stage.points.create(request)).id).toBe(id);
      await until('it is available', async () => {
        await stage.pass();
        return (await stage.points.find(id))?.state === 'available';
      });
      expect((await stage.points.create(request)).id).toBe(id);
    });

    it('takes a user that all files shall belong to', async () => {
      const { id } = await stage.points.create({ ...wanted(), posixUser: { uid: 0, gid: 0 } });
      expect(await stage.points.find(id)).toMatchObject({ id });
    });

    it('deletes once, and says so again', async () => {
      const { id } = await stage.points.create(wanted());
      await stage.points.delete(id);
      await until('it is gone', async () => {
        await stage.pass();
        const found = await stage.points.find(id);
        return found === undefined || found.state === 'deleting' || found.state === 'deleted';
      });
      await until('it is unknown', async () => {
        await stage.pass();
        return (await stage.points.find(id)) === undefined;
      });
      await stage.points.delete(id);
      expect(await stage.points.find(id)).toBeUndefined();
    });

    it('finds nothing by an id that there is not', async () => {
      expect(await stage.points.find('fsap-0fffffffffffffff0')).toBeUndefined();
    });
  });
}
