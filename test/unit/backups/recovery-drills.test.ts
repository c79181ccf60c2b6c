import { describe, expect, it } from 'vitest';
import { answerTask } from '#shared/aws/table/backup-writes.ts';
import { keys } from '#shared/aws/table/keys.ts';
import { answerPurge } from '#shared/aws/table/volume-writes.ts';
import { DrillBackup } from '#shared/model/drill.ts';
import type { BackupItem, OperationItem, TaskItem } from '#shared/model/items.ts';
import { isFinished } from '#shared/model/operation.ts';
import type { VerifyReport } from '#shared/model/verify.ts';
import { drillBackup } from '#functions/backups/drill-backup.ts';
import { Killed } from '#test/fakes/killed.ts';
import { done } from './support/drills.ts';
import { backedUp, leftOf, look, remove, seen, worldWith } from './support/recovery-world.ts';
import { call, existing, hostA, type World } from '#test/unit/workers/support/world.ts';

const passed: VerifyReport = {
  outcome: 'passed',
  filesystemCheck: { clean: true, output: 'none' },
  manifest: false,
  live: true,
  mark: false,
  entries: 12,
  compared: 9,
  hashed: 10,
  wrong: 0,
  mismatches: [],
  seconds: 3,
  mountSeconds: 0.5,
};
const failed: VerifyReport = { ...passed, outcome: 'failed', wrong: 1, mismatches: ['"a": is missing'] };

async function drill(world: World, { id }: BackupItem, parts: object = {}): Promise<OperationItem> {
  await seen(world, hostA);
  const { body } = await drillBackup(world.api, call(), { backup: id, ...DrillBackup.parse(parts) });
  return world.operation(body.id);
}

interface Answers {
  /** What the host finds in the copy; undefined: it falls silent, and is back when its drill is over. */
  readonly verdict: TaskItem['result'] | undefined;
  readonly onAsked?: (task: TaskItem) => void;
}

/** The host's part: it looks for the directory, looks into the copy, empties it. */
async function hostDoes(world: World, id: string, { verdict, onAsked }: Answers): Promise<void> {
  const task = await world.table.read('task', keys.task(id));
  const operation = await world.operation(id);
  const isSilent = verdict === undefined && !operation.trail.includes('recordDrill');
  if (task?.kind === 'verify-files' && isSilent) return;
  await seen(world, hostA);
  const { purge } = (await world.table.readVolume(operation.volumeId)) ?? {};
  if (purge !== undefined && !purge.done) await world.table.transact(answerPurge(purge));
  if (task === undefined || task.result !== undefined) return;
  if (task.kind === 'locate') return void (await look(world, task));
  if (verdict === undefined) return;
  onAsked?.(task);
  await world.table.transact(answerTask(task, verdict));
}

async function carryOut(world: World, { id }: OperationItem, answers: Answers): Promise<OperationItem> {
  for (let turn = 0; turn < 600; turn++) {
    const operation = await world.operation(id);
    if (isFinished(operation.status)) return operation;
    try {
      await hostDoes(world, id, answers);
      world.pass(Math.max(1, (await world.step(id)).waitSeconds));
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      world.pass(40);
    }
  }
  return world.operation(id);
}

const backupOf = async (world: World, { id }: BackupItem) => existing(await world.table.readBackup(id), id);

describe('a drill of a recovery point', () => {
  it('restores it beside the volume, has a host compare both, and leaves nothing', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    const { storage } = (await world.volume('shared')).volume;
    const asked: TaskItem[] = [];
    const ended = await carryOut(world, await drill(world, backup, { check: { command: 'true' } }), {
      verdict: done(passed),
      onAsked: (task) => asked.push(task),
    });
    expect(ended).toMatchObject({ status: 'succeeded', driver: 'efs', host: hostA });
    expect(asked).toMatchObject([
      {
        kind: 'verify-files',
        live: { accessPointId: storage?.kind === 'efs' ? storage.accessPointId : '' },
        settledBefore: new Date(Date.parse(backup.cutAt ?? '') - 5_000).toISOString(),
        check: { command: 'true' },
      },
    ]);
    const [task] = asked;
    expect(task?.kind === 'verify-files' && task.copy.accessPointId).not.toBe(
      storage?.kind === 'efs' && storage.accessPointId,
    );
    const after = await backupOf(world, backup);
    expect(after).toMatchObject({
      users: [],
      drill: { outcome: 'passed', detail: expect.stringContaining('9 entries') },
    });
    expect(after.verified?.at).toBe(after.drill?.at);
    expect(await leftOf(world)).toEqual([]);
    expect(world.recovery.begun.restores).toBe(1);
    expect((await remove(world, backup)).status).toBe('succeeded');
  });

  it('whose copy is not whole has failed, and leaves nothing', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    const ended = await carryOut(world, await drill(world, backup), { verdict: done(failed) });
    expect(ended).toMatchObject({ status: 'failed', error: { code: 'DrillFailed' } });
    expect((await backupOf(world, backup)).verified).toBeUndefined();
    expect(await leftOf(world)).toEqual([]);
  });

  it('that AWS cannot restore has failed, and leaves nothing', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    for (const point of world.recovery.points.values()) point.holds.clear();
    const ended = await carryOut(world, await drill(world, backup), { verdict: done(passed) });
    expect(ended).toMatchObject({ status: 'failed', error: { code: 'DrillFailed' } });
    expect((await backupOf(world, backup)).drill?.outcome).toBe('failed');
    expect(await leftOf(world)).toEqual([]);
  });

  it('whose host falls silent is overdue, never passed, and leaves nothing', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    const ended = await carryOut(world, await drill(world, backup), { verdict: undefined });
    expect(ended).toMatchObject({ status: 'failed', error: { code: 'TimedOut' } });
    expect((await backupOf(world, backup)).drill?.outcome).toBe('overdue');
    expect(await leftOf(world)).toEqual([]);
  });

  it('without a host is overdue at once', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    world.pass(3_600);
    const { body } = await drillBackup(world.api, call(), { backup: backup.id });
    expect(await world.operation(body.id)).toMatchObject({ status: 'failed', driver: 'efs' });
    expect((await backupOf(world, backup)).drill).toMatchObject({ outcome: 'overdue', seconds: 0 });
    expect(await leftOf(world)).toEqual([]);
  });
});

describe.each(['crash-before', 'crash-after'] as const)('with a %s of each of its effects', (side) => {
  it('a drill of a recovery point comes to its end, restores once, and leaves nothing', async () => {
    let effects = 0;
    for (let at = 0; ; at++) {
      let [on, count] = [false, 0];
      const next = () => (on && count++ === at ? side : undefined);
      const world = await worldWith(['shared'], {
        recoveryFault: next,
        pointFault: next,
        workerStore: (inner) => ({
          get: (key) => inner.get(key),
          getMany: (wanted) => inner.getMany(wanted),
          query: (query) => inner.query(query),
          work: (...query) => inner.work(...query),
          transact: async (writes) => {
            const kill = next();
            if (kill === 'crash-before') throw new Killed('before a write');
            await inner.transact(writes);
            if (kill === 'crash-after') throw new Killed('after a write');
          },
        }),
      });
      const backup = await backedUp(world);
      const operation = await drill(world, backup);
      on = true;
      const ended = await carryOut(world, operation, { verdict: done(passed) });
      expect([at, ended.status]).toEqual([at, 'succeeded']);
      expect([at, world.recovery.begun.restores]).toEqual([at, 1]);
      expect([at, await leftOf(world)]).toEqual([at, []]);
      expect([at, (await backupOf(world, backup)).users]).toEqual([at, []]);
      effects = at;
      if (count <= at) break;
    }
    expect(effects).toBeGreaterThan(20);
  });
});
