import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { BackupJob, RecoveryPoints, RestoreJob } from '#shared/aws/backup/recovery-points.ts';
import { restoredAt, restorePrefix, restoreTime } from '#shared/model/restored-directory.ts';
import { productTagValue, tagKeys } from '#shared/model/tags.ts';
import { until } from './until.ts';

export interface RecoveryPointsStage {
  readonly points: RecoveryPoints;
  /** Those of another Region, {@link farRegion}. */
  readonly far: RecoveryPoints;
  readonly pass: () => Promise<void>;
  /** Makes a directory of the file system. */
  readonly makeDirectory: (path: string) => Promise<void>;
  /** Names at the file system's root. */
  readonly listRoot: () => Promise<readonly string[]>;
  readonly hasDirectory: (path: string) => Promise<boolean>;
}

/** Has a vault. */
export const farRegion = 'eu-west-1';
/** Of the stage's own points. */
const nearRegion = 'us-east-1';

const tags = { [tagKeys.product]: productTagValue };

/** Every implementation of RecoveryPoints passes this suite: what the product believes of AWS Backup. */
export function recoveryPointsContract(name: string, make: () => Promise<RecoveryPointsStage>): void {
  describe(`${name}: the contract of recovery points`, () => {
    let stage: RecoveryPointsStage;
    beforeAll(async () => {
      stage = await make();
    });

    async function ended<Job extends RestoreJob>(find: () => Promise<Job | undefined>): Promise<Job> {
      return until('the job has ended', async () => {
        await stage.pass();
        const job = await find();
        return job === undefined || job.state === 'running' ? undefined : job;
      });
    }

    async function backedUp(): Promise<string> {
      const { id, recoveryPointArn } = await stage.points.startBackup({ token: randomUUID(), tags });
      const job = await ended(() => stage.points.findBackup(id));
      expect(job).toMatchObject({ id, state: 'completed', progress: 100, reason: undefined });
      return recoveryPointArn;
    }

    async function restored(arn: string, path: string): Promise<RestoreJob> {
      const id = await stage.points.startRestore({ token: randomUUID(), arn, path });
      return ended(() => stage.points.findRestore(id));
    }

    it('makes one job and one recovery point per token, named in the first answer', async () => {
      const token = randomUUID();
      const first = await stage.points.startBackup({ token, tags });
      expect(first).toMatchObject({ state: 'running', createdAt: expect.any(Date) });
      expect((await stage.points.startBackup({ token, tags })).id).toBe(first.id);
      await ended(() => stage.points.findBackup(first.id));
      const again = await stage.points.startBackup({ token, tags });
      expect(again).toMatchObject({ id: first.id, recoveryPointArn: first.recoveryPointArn });
      const point = await stage.points.findPoint(first.recoveryPointArn);
      expect(point).toMatchObject({ arn: first.recoveryPointArn, state: 'completed' });
      expect((await stage.points.listPoints()).map(({ arn }) => arn)).toContain(first.recoveryPointArn);
      expect(await stage.points.tagsOf(first.recoveryPointArn)).toEqual(tags);
    });

    it('restores one directory below a new one, whose name tells a time within the job', async () => {
      await stage.makeDirectory('/volumes/one');
      await stage.makeDirectory('/volumes/two');
      const arn = await backedUp();
      const before = new Set(await stage.listRoot());
      const job = await restored(arn, '/volumes/one');
      expect(job.state).toBe('completed');
      const [made = '', ...more] = (await stage.listRoot()).filter((entry) => !before.has(entry));
      expect(more).toEqual([]);
      expect(made.startsWith(restorePrefix)).toBe(true);
      expect(restoreTime(made)).toBeGreaterThanOrEqual(job.createdAt?.getTime() ?? Number.NaN);
      expect(await stage.hasDirectory(restoredAt(made, '/volumes/one'))).toBe(true);
      expect(await stage.hasDirectory(restoredAt(made, '/volumes/two'))).toBe(false);
    });

    it('restores once per token', async () => {
      await stage.makeDirectory('/volumes/one');
      const arn = await backedUp();
      const wanted = { token: randomUUID(), arn, path: '/volumes/one' };
      const id = await stage.points.startRestore(wanted);
      expect(await stage.points.startRestore(wanted)).toBe(id);
      await ended(() => stage.points.findRestore(id));
      expect(await stage.points.startRestore(wanted)).toBe(id);
    });

    it('says why a directory that was not there cannot be restored', async () => {
      const arn = await backedUp();
      const job = await restored(arn, '/volumes/never');
      expect(job).toMatchObject({ state: 'failed', reason: expect.stringContaining('/volumes/never') });
    });

    it('deletes once, and says so again; one that is being restored stays', async () => {
      await stage.makeDirectory('/volumes/one');
      const arn = await backedUp();
      const token = randomUUID();
      const id = await stage.points.startRestore({ token, arn, path: '/volumes/one' });
      expect(await stage.points.deletePoint(arn)).toBe('in-use');
      await ended(() => stage.points.findRestore(id));
      expect(await stage.points.deletePoint(arn)).toBe('deleted');
      await until('it is unknown', async () => {
        await stage.pass();
        return (await stage.points.findPoint(arn)) === undefined;
      });
      expect(await stage.points.deletePoint(arn)).toBe('deleted');
      expect((await stage.points.listPoints()).map((point) => point.arn)).not.toContain(arn);
    });

    async function copied(arn: string, from = stage.points, to = farRegion): Promise<BackupJob> {
      const { id } = await from.startCopy({ token: randomUUID(), arn, to });
      return ended(() => from.findCopy(id));
    }

    it('copies to another Region once per token; there it is found, as old as its source, and removed', async () => {
      const arn = await backedUp();
      const token = randomUUID();
      const first = await stage.points.startCopy({ token, arn, to: farRegion });
      expect((await stage.points.startCopy({ token, arn, to: farRegion })).id).toBe(first.id);
      const job = await ended(() => stage.points.findCopy(first.id));
      expect(job).toMatchObject({ id: first.id, state: 'completed', reason: undefined });
      const [found, ...more] = await stage.far.listPoints();
      expect(more).toEqual([]);
      expect(job).toMatchObject({ recoveryPointArn: found?.arn });
      expect(found).toMatchObject({ state: 'completed' });
      expect(await stage.far.tagsOf(found?.arn ?? '')).toEqual(tags);
      expect(found?.arn).toContain(`:${farRegion}:`);
      expect(found?.createdAt).toEqual((await stage.points.findPoint(arn))?.createdAt);
      expect(await stage.points.findPoint(found?.arn ?? '')).toBeUndefined();
      expect(await stage.far.deletePoint(found?.arn ?? '')).toBe('deleted');
      await until('the copy is unknown', async () => {
        await stage.pass();
        return (await stage.far.findPoint(found?.arn ?? '')) === undefined;
      });
      expect(await stage.points.findPoint(arn)).toMatchObject({ state: 'completed' });
    });

    it('copies back, and restores from there when nothing else is left', async () => {
      await stage.makeDirectory('/volumes/far');
      const arn = await backedUp();
      const there = await copied(arn);
      expect(await stage.points.deletePoint(arn)).toBe('deleted');
      const back = await copied(there.recoveryPointArn, stage.far, nearRegion);
      expect((await restored(back.recoveryPointArn, '/volumes/far')).state).toBe('completed');
      expect(await stage.far.deletePoint(there.recoveryPointArn)).toBe('deleted');
    });

    it('keeps what is being copied, and copies nothing that is gone, nor to a Region without a vault', async () => {
      const arn = await backedUp();
      const wanted = { token: randomUUID(), arn, to: farRegion };
      const { id } = await stage.points.startCopy(wanted);
      expect(await stage.points.deletePoint(arn)).toBe('in-use');
      const job = await ended(() => stage.points.findCopy(id));
      expect(await stage.points.deletePoint(arn)).toBe('deleted');
      await expect(stage.points.startCopy({ ...wanted, token: randomUUID() })).rejects.toMatchObject({
        code: 'StorageFailed',
      });
      const nowhere = stage.points.startCopy({ ...wanted, token: randomUUID(), to: 'sa-east-1' });
      await expect(nowhere).rejects.toMatchObject({ code: 'InvalidInput' });
      await stage.far.deletePoint(job.recoveryPointArn);
    });

    it('refuses to restore what is gone', async () => {
      const arn = 'arn:aws:backup:us-east-1:000000000000:recovery-point:none';
      const wanted = { token: randomUUID(), arn, path: '/volumes/one' };
      await expect(stage.points.startRestore(wanted)).rejects.toMatchObject({ code: 'StorageFailed' });
    });

    it('finds nothing by an id that there is not', async () => {
      expect(await stage.points.findBackup('none')).toBeUndefined();
      expect(await stage.points.findRestore('none')).toBeUndefined();
      expect(await stage.points.findCopy('none')).toBeUndefined();
      const none = 'arn:aws:backup:us-east-1:000000000000:recovery-point:none';
      expect(await stage.points.tagsOf(none)).toBeUndefined();
    });
  });
}
