import { describe, expect, it } from 'vitest';
import { partitions } from '#shared/aws/table/keys.ts';
import { replace } from '#shared/aws/table/writes.ts';
import { CreateBackup } from '#shared/model/backup.ts';
import { CreatePolicy, UpdatePolicy } from '#shared/model/policy.ts';
import { createBackup } from '#functions/backups/create-backup.ts';
import { deleteBackup } from '#functions/backups/delete-backup.ts';
import { pausePolicy, updatePolicy } from '#functions/policies/change-policy.ts';
import { listRuns } from '#functions/policies/list-policies.ts';
import { previewPolicy } from '#functions/policies/preview-policy.ts';
import { findPolicy, viewPolicy } from '#functions/policies/view.ts';
import { showWithBackups } from '#functions/volumes/backup-history.ts';
import { done, failed, passed } from '#test/unit/backups/support/drills.ts';
import { call, existing, hostA } from '#test/unit/workers/support/world.ts';
import { DrillingWorld } from './support/drilling.ts';

/** The world begins on Monday, 2026-11-23: the first tick of drills is on the 29th. */
const on = { namespace: 'default', policy: 'nightly' };
const day = 86_400;

describe('the drills of a policy', () => {
  it('begin within a watch of their time, once, and drill the newest backup of each volume', async () => {
    const { world, policy } = await DrillingWorld.with(['a', 'b']);
    await world.runNow();
    world.pass(day);
    await world.runNow();
    world.passTo('2026-11-29T03:58:00Z');
    expect((await world.watch()).drilling).toEqual([]);
    world.passTo('2026-11-29T04:03:00Z');
    await world.heard();
    const [runId = '', ...more] = (await world.watch()).drilling;
    expect(more).toEqual([]);
    world.pass(300);
    expect((await world.watch()).drilling).toEqual([]);
    const run = await world.carryOut(runId);
    expect(run).toMatchObject({
      kind: 'drill',
      state: 'succeeded',
      at: '2026-11-29T04:00:00.000Z',
      cause: 'scheduled',
      counts: { selected: 2, made: 2, failed: 0, skipped: 0, pruned: 0 },
    });
    expect((await world.watch()).drilling).toEqual([]);
    for (const name of ['a', 'b']) {
      const [older, newest] = await world.backupsOf(name);
      expect([older?.drill, newest?.drill?.outcome]).toEqual([undefined, 'passed']);
    }
    expect(world.policies.startedRuns.filter((id) => id === runId)).toEqual([runId]);
    const { items } = await listRuns(world.ports, on, { kind: 'drill' });
    expect(items.map(({ id }) => id)).toEqual([runId]);
    expect((await listRuns(world.ports, on, {})).items.map(({ kind }) => kind)).toEqual(['backup', 'backup']);
    expect(viewPolicy(await findPolicy(world.table, 'default', policy.name), world.clock())).toMatchObject({
      drill: '0 4 * * 0',
      drillObjectiveSeconds: 14 * day,
      nextDrill: '2026-12-06T04:00:00.000Z',
    });
  });

  it('that were missed are made good for some hours, and no longer', async () => {
    const { world } = await DrillingWorld.with(['a']);
    world.passTo('2026-11-29T09:59:00Z');
    expect((await world.watch()).drilling).toHaveLength(1);
    world.passTo('2026-12-06T10:01:00Z');
    expect((await world.watch()).drilling).toEqual([]);
  });

  it('are none of a time before they were switched on, nor of a paused policy', async () => {
    const { world } = await DrillingWorld.with(['a'], { policy: { drill: 'off' } });
    world.passTo('2026-11-29T04:10:00Z');
    const update = UpdatePolicy.parse({ drill: '0 4 * * 0' });
    await updatePolicy(world.ports, call(), { policy: 'nightly', update });
    expect((await world.watch()).drilling).toEqual([]);
    await pausePolicy(world.ports, call(), { policy: 'nightly', paused: true });
    world.passTo('2026-12-06T04:05:00Z');
    expect((await world.watch()).drilling).toEqual([]);
    await pausePolicy(world.ports, call(), { policy: 'nightly', paused: false });
    expect((await world.watch()).drilling).toHaveLength(1);
  });

  it('skip what has passed a drill, what has no good backup, and what has none that can be drilled', async () => {
    const { world } = await DrillingWorld.with(['a', 'b', 'bare']);
    for (const name of ['a', 'b'])
      await world.run(
        (await createBackup(world.api, call(), { volume: name, ...CreateBackup.parse({}) })).body.id,
      );
    expect(await world.drillNow()).toMatchObject({ counts: { selected: 3, made: 2, skipped: 1 } });
    world.pass(60);
    const again = await world.drillNow();
    expect(again).toMatchObject({ state: 'succeeded', counts: { made: 0, skipped: 3 } });
    const { items } = await world.table.list('runVolume', { pk: partitions.run(again.id) });
    expect(items.find(({ volume }) => volume === 'bare')?.reason).toContain('no good backup');
    expect(items.find(({ volume }) => volume === 'a')?.reason).toContain('has passed a drill');
  });

  it('go on when one fails, and then have failed', async () => {
    const { world } = await DrillingWorld.with(['a']);
    await world.runNow();
    world.answer = done(failed);
    const run = await world.drillNow();
    expect(run).toMatchObject({ state: 'failed', counts: { selected: 1, made: 0, failed: 1 } });
    const { items } = await world.table.list('runVolume', { pk: partitions.run(run.id) });
    expect(items).toMatchObject([{ state: 'failed', reason: expect.stringContaining('is missing') }]);
  });

  it('wait for a host with room, and without one are overdue, never passed', async () => {
    const { world, policy } = await DrillingWorld.with(['a']);
    await world.runNow();
    const { host } = existing(await world.table.readHost(hostA), hostA);
    await world.table.transact([replace('host', host, { ...host, draining: true })]);
    const run = await world.drillNow();
    expect(run).toMatchObject({ state: 'failed', counts: { made: 0, failed: 1 } });
    const seconds = (Date.parse(run.endedAt ?? '') - Date.parse(run.startedAt)) / 1_000;
    expect(seconds).toBeGreaterThanOrEqual(1_800);
    expect((await world.drillOf('a'))?.outcome).toBe('overdue');
    await world.watch();
    expect(world.counts(policy.id)).toMatchObject({ overdueDrills: 1, failedDrills: 0 });
  });

  it('leave a quarter of a host’s slots to volumes', async () => {
    const { world } = await DrillingWorld.with(['a', 'b', 'c', 'd']);
    await world.runNow();
    const { host } = existing(await world.table.readHost(hostA), hostA);
    await world.table.transact([replace('host', host, { ...host, maxAttachments: 4 })]);
    let most = 0;
    const work = world.workOperations.bind(world);
    world.workOperations = async () => {
      await work();
      const { attachments } = existing(await world.table.readHost(hostA), hostA);
      most = Math.max(most, attachments.length);
    };
    expect(await world.drillNow()).toMatchObject({ state: 'succeeded', counts: { made: 4 } });
    expect(most).toBeLessThanOrEqual(3);
  });

  it('are shown by a preview: when, and which backups', async () => {
    const { world } = await DrillingWorld.with(['a', 'bare']);
    const { body } = await createBackup(world.api, call(), { volume: 'a', ...CreateBackup.parse({}) });
    await world.run(body.id);
    const before = await previewPolicy(world.ports, on, {});
    expect(before.nextDrills[0]).toBe('2026-11-29T04:00:00.000Z');
    expect(before.items).toMatchObject([
      { volume: 'a', drills: body.backup },
      { volume: 'bare', notDrilled: 'it has no good backup' },
    ]);
    await world.drillNow();
    const [shown] = (await previewPolicy(world.ports, on, {})).items;
    expect(shown).toMatchObject({
      verifiedAt: expect.any(String),
      notDrilled: expect.stringContaining('passed'),
    });
  });

  it('refuse a schedule that is none, and "off" is none', () => {
    const base = { name: 'n', schedule: '0 2 * * *', selector: 'a=b' };
    expect(CreatePolicy.safeParse({ ...base, drill: '0 4 1 * 0' }).error?.issues[0]?.message).toContain(
      'day',
    );
    expect(CreatePolicy.parse({ ...base, drill: 'off' }).drill).toBe('off');
  });
});

describe('what is overdue of drills', () => {
  it('is published at every watch; it grows with the clock, and is nothing again after a pass', async () => {
    const often = { drill: '0 */6 * * *' };
    const { world, policy } = await DrillingWorld.with(['a', 'b'], { policy: often });
    const lax = await world.policy({ name: 'lax', objective: '90d' });
    await world.runNow();
    await world.watch();
    const none = { overdueVolumes: 0, overdueDrills: 0, failedDrills: 0 };
    expect([world.counts(policy.id), world.counts()]).toEqual([none, none]);
    // Watched all the time, as it is in the cloud.
    for (let hours = 0; hours < 12; hours++) {
      world.pass(3_600);
      await world.watch();
    }
    expect(world.counts()).toEqual(none);
    world.pass(600);
    const report = await world.watch();
    const late = { ...none, overdueDrills: 2 };
    expect([world.counts(policy.id), world.counts()]).toEqual([late, late]);
    expect(report.overdueDrills).toHaveLength(2);
    // Of a policy without drills there is no word on them.
    expect(world.counts(lax.id)).toEqual({ overdueVolumes: 0 });
    await world.drillNow();
    await world.watch();
    expect([world.counts(policy.id), world.counts()]).toEqual([none, none]);
    world.pass(13 * 3_600);
    await world.watch();
    expect(world.counts(policy.id)).toEqual(late);
  });

  it('counts a failed drill until one has passed, also when its backup is gone', async () => {
    const { world, policy } = await DrillingWorld.with(['a']);
    await world.runNow();
    world.answer = done(failed);
    await world.drillNow();
    await world.watch();
    const bad = { overdueVolumes: 0, overdueDrills: 0, failedDrills: 1 };
    expect([world.counts(policy.id), world.counts()]).toEqual([bad, bad]);
    await world.runNow();
    const [first] = await world.backupsOf('a');
    const { body } = await deleteBackup(world.api, call(), { backup: first?.id ?? '' });
    await world.run(body.id);
    await world.watch();
    expect(world.counts(policy.id)).toEqual(bad);
    world.answer = done(passed);
    world.pass(60);
    await world.drillNow();
    await world.watch();
    expect(world.counts(policy.id)).toEqual({ ...bad, failedDrills: 0 });
  });

  it('has alarms as long as there are drills', async () => {
    const { world, policy } = await DrillingWorld.with([]);
    const alarms = () => [...(world.policies.alarms.get(policy.id)?.alarms ?? [])];
    expect(alarms()).toEqual(['volumes', 'drills', 'failed-drills']);
    const turn = async (drill: string) =>
      updatePolicy(world.ports, call(), { policy: 'nightly', update: UpdatePolicy.parse({ drill }) });
    expect((await turn('off')).body).not.toHaveProperty('drill');
    expect(alarms()).toEqual(['volumes']);
    const { body } = await turn('off');
    expect((await turn('off')).body.revision).toBe(body.revision);
    await turn('@monthly');
    expect(alarms()).toEqual(['volumes', 'drills', 'failed-drills']);
    // One that somebody removed is made again.
    const there = existing(world.policies.alarms.get(policy.id), 'alarms');
    world.policies.alarms.set(policy.id, { ...there, alarms: new Set(['volumes']) });
    world.pass(60);
    expect((await world.watch()).repaired).toEqual([policy.id]);
    expect(alarms()).toHaveLength(3);
  });
});

describe('the volume', () => {
  it('shows when it was last verified, by a policy too, and after that backup was pruned', async () => {
    const { world } = await DrillingWorld.with(['a']);
    await world.runNow();
    await world.drillNow();
    const [backup] = await world.backupsOf('a');
    world.pass(60);
    await world.runNow();
    await world.run((await deleteBackup(world.api, call(), { backup: backup?.id ?? '' })).body.id);
    const { body } = await showWithBackups(world.ports, await world.volume('a'));
    expect(body.lastVerified).toEqual({ id: backup?.id, ...backup?.verified });
    expect(body.lastBackup?.id).not.toBe(backup?.id);
    expect(await world.table.readBackup(backup?.id ?? '')).toBeUndefined();
  });
});
