import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withFrozen, type FreezePorts } from '#agent/freeze/freezer.ts';
import { thawLeftovers } from '#agent/freeze/leftovers.ts';
import { deviceNumber } from '#agent/host/blocks.ts';
import type { Exec } from '#agent/host/exec.ts';
import { silentLog } from '#agent/log.ts';
import { ProductError } from '#shared/model/errors.ts';
import { fakeExec, fakeMounts } from '../fakes.ts';
import { fakeWatchdog } from './fake-watchdog.ts';

let stages: string;
let mountpoint: string;
let rig: ReturnType<typeof makeRig>;

function makeRig(device: string) {
  const mounts = fakeMounts();
  mounts.entries.push({
    device,
    root: '/',
    mountpoint,
    options: ['rw'],
    peers: [],
    fstype: 'ext4',
    source: '/dev/x',
  });
  const watchdog = fakeWatchdog();
  const exec = fakeExec({});
  const ports: FreezePorts = {
    exec,
    mounts,
    log: silentLog,
    stages,
    spared: () => Promise.resolve([]),
    startWatchdog: watchdog.start,
  };
  return { ports, exec, mounts, watchdog };
}

beforeEach(async () => {
  stages = await mkdtemp(join(tmpdir(), 'hivemind-freeze-'));
  mountpoint = join(stages, 'vol-1');
  await mkdir(mountpoint);
  rig = makeRig(deviceNumber((await stat(mountpoint)).dev));
});
afterEach(async () => {
  await rm(stages, { recursive: true });
});

const never = (): Promise<never> => new Promise(() => undefined);

describe('a freeze', () => {
  it('holds from before the work until after it, and is measured', async () => {
    const { ports, watchdog } = rig;
    const answer = await withFrozen(ports, { mountpoint }, () => Promise.resolve(watchdog.isFrozen()));
    expect(answer).toMatchObject({ result: true, frozenMs: watchdog.frozenMs });
    expect(watchdog.isFrozen()).toBe(false);
  });

  it('is ended when the work fails, with what the work said', async () => {
    const failing = withFrozen(rig.ports, { mountpoint }, () =>
      Promise.reject(new ProductError('Throttled', 'slowly')),
    );
    await expect(failing).rejects.toMatchObject({ code: 'Throttled' });
    expect(rig.watchdog.isFrozen()).toBe(false);
  });

  it('that the deadline ended counts as none: the work is told to stop and its answer is not waited for', async () => {
    let reason: unknown;
    const hanging = withFrozen(rig.ports, { mountpoint }, (signal) => {
      signal.addEventListener('abort', () => (reason = signal.reason));
      rig.watchdog.end({ by: 'deadline', frozenMs: 10_001.5 });
      return never();
    });
    await expect(hanging).rejects.toMatchObject({
      code: 'TimedOut',
      message: `${mountpoint} was thawed at its deadline after 10002 ms, before the cut was made.`,
    });
    expect(reason).toMatchObject({ code: 'TimedOut' });
  });

  it.each(['deadline', 'other'] as const)(
    'that was over (%s) when the work ended counts as none',
    async (by) => {
      const late = withFrozen(rig.ports, { mountpoint }, () => {
        rig.watchdog.endUnnoticed({ by, frozenMs: 1 });
        return Promise.resolve('cut');
      });
      await expect(late).rejects.toMatchObject({ code: by === 'deadline' ? 'TimedOut' : 'Conflict' });
    },
  );

  it('whose watchdog was killed is thawed without it, and counts as none', async () => {
    const orphaned = withFrozen(rig.ports, { mountpoint }, () => {
      rig.watchdog.end({ by: 'killed' });
      return never();
    });
    await expect(orphaned).rejects.toMatchObject({ code: 'Conflict' });
    expect(rig.exec.ran.at(-1)).toMatchObject({ file: 'fsfreeze', args: ['--unfreeze', mountpoint] });
  });

  it("does not thaw somebody else's: refused, it runs no work", async () => {
    rig.watchdog.refuse(new ProductError('VolumeBusy', 'frozen already'));
    let ran = false;
    const refused = withFrozen(rig.ports, { mountpoint }, async () => void (ran = true));
    await expect(refused).rejects.toMatchObject({ code: 'VolumeBusy' });
    expect(ran).toBe(false);
    expect(rig.exec.ran.filter(({ file }) => file === 'fsfreeze')).toEqual([]);
  });

  it('comes after what is dirty was written out, with the deadline asked for, else 10 s', async () => {
    const { ports, exec, watchdog } = rig;
    const work = (): Promise<string[]> => Promise.resolve(exec.ran.map(({ file }) => file));
    expect((await withFrozen(ports, { mountpoint, deadlineMs: 60_000 }, work)).result).toEqual(['sync']);
    await withFrozen(ports, { mountpoint }, work);
    expect(watchdog.deadlines).toEqual([60_000, 10_000]);
  });

  it.each([0, 60_001, 1.5, Number.NaN])('has no deadline of %d ms', async (deadlineMs) => {
    const asked = withFrozen(rig.ports, { mountpoint, deadlineMs }, never);
    await expect(asked).rejects.toMatchObject({ code: 'InvalidInput' });
    expect(rig.watchdog.deadlines).toEqual([]);
  });

  it('is refused where another filesystem has come to be mounted, and where nothing is', async () => {
    rig.mounts.entries.splice(0);
    await expect(withFrozen(rig.ports, { mountpoint }, never)).rejects.toMatchObject({ code: 'PathRefused' });
    const gone = withFrozen(rig.ports, { mountpoint: `${stages}/gone` }, never);
    await expect(gone).rejects.toMatchObject({ code: 'PathRefused' });
    expect(rig.watchdog.deadlines).toEqual([]);
  });
});

describe('the mark', () => {
  const mark = async () => (await withFrozen(rig.ports, { mountpoint }, () => Promise.resolve())).mark;

  it('is new each time, and returned as it was written', async () => {
    const marks = [await mark(), await mark()];
    expect(marks.map((one) => one?.value)).toEqual(rig.watchdog.marked);
    expect(new Set(rig.watchdog.marked).size).toBe(2);
    expect(marks[0]).toEqual({
      path: '.hivemind/mark',
      value: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
  });

  it.each(['EROFS', 'ENOSPC', 'EDQUOT'])('may be missing: %s', async (errno) => {
    rig.watchdog.answerMarks(errno);
    expect(await mark()).toBeUndefined();
  });

  it.each([
    ['ELOOP', 'PathRefused'],
    ['ENOTDIR', 'PathRefused'],
    ['EIO', 'StorageFailed'],
  ])('that cannot be written (%s) is no backup, and leaves no watchdog', async (errno, code) => {
    rig.watchdog.answerMarks(errno);
    await expect(mark()).rejects.toMatchObject({ code });
    expect(rig.watchdog.isOver()).toBe(true);
  });
});

describe('what was left frozen', () => {
  it("is thawed on volumes' mounts only, and a failure of one keeps nothing from the next", async () => {
    const [own] = rig.mounts.entries;
    const at = (path: string, device: string) => {
      const rest = { root: '/', options: [], peers: [], fstype: 'xfs', source: '/dev/y' };
      return { ...rest, device, mountpoint: path };
    };
    rig.mounts.entries.push(at('/', '1:1'), at(`${stages}/vol-2`, '1:2'), at(`${stages}/vol-3`, '1:3'));
    const asked: string[] = [];
    const exec: Exec = {
      run: (_, [, path = '']) => {
        asked.push(path);
        if (path === own?.mountpoint) return Promise.reject(new ProductError('CommandFailed', 'hangs'));
        const frozen = path.endsWith('vol-2');
        return Promise.resolve({
          code: frozen ? 0 : 1,
          stdout: '',
          stderr: frozen ? '' : 'Invalid argument',
        });
      },
    };
    expect(await thawLeftovers({ ...rig.ports, exec })).toEqual([`${stages}/vol-2`]);
    expect(asked).toEqual([mountpoint, `${stages}/vol-2`, `${stages}/vol-3`]);
  });
});
