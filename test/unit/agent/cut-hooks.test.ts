import { describe, expect, it } from 'vitest';
import { BackupHooks, HookRun, reportedHookOutput } from '#shared/model/consistency.ts';
import type { CutTask } from '#shared/model/task.ts';
import type { ContainerCommand } from '#agent/host/docker-exec.ts';
import type { Container } from '#agent/host/docker.ts';
import { silentLog } from '#agent/log.ts';
import { endCut } from '#agent/tasks/cut.ts';
import { hookRunOf, planHooks } from '#agent/tasks/cut-hooks.ts';

const db: Container = { id: 'a'.repeat(64), name: 'db', state: 'running', volumes: ['data'] };
const web: Container = { id: 'b'.repeat(64), name: 'web', state: 'running', volumes: ['data', 'logs'] };
const stopped: Container = { id: 'c'.repeat(64), name: 'old', state: 'exited', volumes: ['data'] };
const other: Container = { id: 'd'.repeat(64), name: 'other', state: 'running', volumes: ['logs'] };

const hooks = (parts: object = {}): BackupHooks =>
  BackupHooks.parse({ before: ['lock', 'tables'], after: ['unlock'], timeoutSeconds: 5, ...parts });
const portsOf = (all: readonly Container[] | undefined) => ({
  containers: { containers: () => Promise.resolve(all) },
  log: silentLog,
});

describe('the hooks of a cut', () => {
  it('run in the only running container that uses the volume', async () => {
    const planned = await planHooks(portsOf([stopped, db, other]), 'data', hooks());
    const common = { container: 'db', timeoutMs: 5_000, onError: 'fail' };
    expect(planned).toEqual({
      hooks: {
        before: { ...common, command: ['lock', 'tables'] },
        after: { ...common, command: ['unlock'] },
      },
      skipped: [],
    });
  });

  it('run in the one that is named, by its name or id', async () => {
    for (const container of ['web', web.id, web.id.slice(0, 12)]) {
      const planned = await planHooks(portsOf([db, web]), 'data', hooks({ container }));
      expect(planned.hooks.before?.container).toBe('web');
    }
  });

  const nowhere: readonly [string, readonly Container[] | undefined, object, string][] = [
    ['several use the volume', [db, web], {}, 'Several containers use "data": db, web.'],
    ['none uses it', [stopped, other], {}, 'No running container uses "data" on this host.'],
    [
      'the named one does not',
      [db, other],
      { container: 'other' },
      'No running container called "other" uses "data"',
    ],
    [
      'the named one has stopped',
      [db, stopped],
      { container: 'old' },
      'No running container called "old" uses "data"',
    ],
    ['Docker does not answer', undefined, {}, 'Docker does not say'],
  ];
  it.each(nowhere)('run nowhere where %s', async (...[, all, parts, detail]) => {
    const planned = planHooks(portsOf(all), 'data', hooks(parts));
    await expect(planned).rejects.toMatchObject({
      code: 'CommandFailed',
      message: expect.stringContaining(detail) as string,
    });
  });

  it('that may fail are left out where there is no container, and the report says so', async () => {
    const planned = await planHooks(portsOf([]), 'data', hooks({ onError: 'continue' }));
    expect(planned.hooks).toEqual({});
    expect(planned.skipped.map((run) => HookRun.parse(run))).toMatchObject([{ when: 'before', ok: false }]);
  });

  it('are reported with the end of what they wrote', () => {
    const output = `${'x'.repeat(5000)} the end`;
    const run = hookRunOf({ when: 'after', container: 'db', ok: false, ms: 3, output, error: output });
    expect(HookRun.parse(run).output).toHaveLength(reportedHookOutput);
    expect(run.error?.endsWith('the end')).toBe(true);
  });
});

describe('after an agent that died in a cut', () => {
  const task: CutTask = {
    kind: 'cut',
    operationId: `op-${'0'.repeat(26)}`,
    volumeId: `vol-${'0'.repeat(26)}`,
    epoch: 1,
    consistency: 'hooks',
    deadline: '2026-11-30T00:00:00.000Z',
    begun: true,
    hooks: hooks(),
  };

  it.each([
    ['runs the hook after it', task, [['unlock']]],
    ['runs none where there is none', { ...task, hooks: hooks({ after: undefined }) }, []],
  ])('the next one %s', async (_what, asked, expected) => {
    const ran: ContainerCommand[] = [];
    const docker = {
      run: (command: ContainerCommand) => {
        ran.push(command);
        return Promise.resolve({ code: 1, output: 'no' });
      },
    };
    const mounted = () => Promise.resolve({ name: 'data', path: '/none' });
    const unused = () => Promise.reject(new TypeError('not used'));
    await endCut(
      {
        ...portsOf([db]),
        docker,
        mounted,
        api: { cut: unused },
        keepManifest: unused,
        // Nothing is frozen any more.
        freeze: {} as never,
        runner: {} as never,
      },
      asked,
    );
    expect(ran.map(({ command }) => command)).toEqual(expected);
  });
});
