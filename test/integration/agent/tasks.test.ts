import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CutTask } from '#shared/model/task.ts';
import { until } from '#test/support/until.ts';
import { startRig, type Rig } from './support/agent.ts';

describe('a cut that the control plane asks for', () => {
  let rig: Rig;
  let path: string;
  beforeEach(async () => {
    rig = await startRig();
    await rig.plugin('Create', { Name: 'data', Opts: { size: '1G' } });
    path = (await rig.plugin('Mount', { Name: 'data', ID: 'one' })).Mountpoint ?? '';
  });
  afterEach(async () => {
    await rig.close();
  });

  function ask(parts: Partial<CutTask> = {}): CutTask {
    const { id: volumeId, epoch } = rig.cloud.volume('data');
    const task: CutTask = {
      operationId: `op-${randomUUID().replaceAll('-', '').slice(0, 26)}`,
      kind: 'cut',
      volumeId,
      epoch,
      consistency: 'freeze',
      deadline: new Date(Date.now() + 60_000).toISOString(),
      begun: false,
      ...parts,
    };
    rig.cloud.tasks.push(task);
    rig.daemon().wake();
    return task;
  }
  const resultOf = async (task: CutTask) =>
    until('the task is reported', () => Promise.resolve(rig.cloud.results.get(task.operationId)));

  it('is made while the volume is frozen, and says for how long', async () => {
    const task = ask();
    const result = await resultOf(task);
    expect(result).toMatchObject({ outcome: 'done' });
    expect(result?.frozenMs).toBeGreaterThan(0);
    expect(rig.cloud.calls.filter(({ call }) => call === 'cut')).toHaveLength(1);
    await writeFile(join(path, 'after'), 'the volume is thawed');
  });

  it('is reported again when the answer was lost, and made once', async () => {
    rig.cloud.failNext('reportTask', 'Unavailable');
    const task = ask();
    expect(await resultOf(task)).toMatchObject({ outcome: 'done' });
    expect(rig.cloud.calls.filter(({ call }) => call === 'cut')).toHaveLength(1);
  });

  it('that an earlier agent had begun is reported as failed: whether it holds is not known', async () => {
    expect(await resultOf(ask({ begun: true }))).toMatchObject({
      outcome: 'failed',
      error: { code: 'TimedOut' },
    });
    expect(rig.cloud.calls.filter(({ call }) => call === 'cut')).toHaveLength(0);
  });

  it('that AWS refuses thaws, and says why', async () => {
    rig.cloud.failNext('cut', 'Throttled');
    expect(await resultOf(ask())).toMatchObject({ outcome: 'failed', error: { code: 'Throttled' } });
    await writeFile(join(path, 'after'), 'the volume is thawed');
  });

  it('of a volume that is not mounted any more is refused', async () => {
    await rig.plugin('Unmount', { Name: 'data', ID: 'one' });
    expect(await resultOf(ask())).toMatchObject({ outcome: 'failed', error: { code: 'Conflict' } });
  });
});
