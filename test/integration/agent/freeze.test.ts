import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withFrozen, type FreezePorts } from '#agent/freeze/freezer.ts';
import { thawLeftovers } from '#agent/freeze/leftovers.ts';
import { sparedFilesystems } from '#agent/freeze/spared.ts';
import { systemFreeze } from '#agent/freeze/system.ts';
import { systemExec } from '#agent/host/exec.ts';
import { mountedAt, systemMounts } from '#agent/host/mounts.ts';
import { silentLog } from '#agent/log.ts';
import { until } from '#test/support/until.ts';
import { hostA, startRig } from './support/agent.ts';
import { loopDevices, openSandbox, run, type Loops, type Sandbox } from './support/sandbox.ts';

const exec = systemExec(silentLog);
const mounts = systemMounts(exec);

let sandbox: Sandbox;
let devices: Loops;
let root: string;
let ports: FreezePorts;
beforeEach(async () => {
  sandbox = await openSandbox();
  devices = loopDevices(sandbox.dir);
  root = join(sandbox.dir, 'hivemind');
  await mkdir(join(root, 'mounts'), { recursive: true });
  ports = portsWith();
});
afterEach(async () => {
  await sandbox.close();
});

function portsWith(dataRoot?: string): FreezePorts {
  const docker = { dataRoot: () => Promise.resolve(dataRoot) };
  return systemFreeze({ root, docker, exec, mounts, log: silentLog });
}

/** A filesystem of its own, mounted as a volume is, or elsewhere. */
async function mountNew(type: 'ext4' | 'xfs', at = join(root, 'mounts', randomUUID())): Promise<string> {
  const serial = `vol-${randomUUID().replaceAll('-', '').slice(0, 17)}`;
  await devices.give(hostA, serial, 2 ** 29);
  const device = devices.deviceOf(hostA, serial);
  await run(`mkfs.${type}`, ['-q', device]);
  await mkdir(at, { recursive: true });
  await mounts.mount({ source: device, target: at, fstype: type, options: [] });
  return at;
}

/** Writes and syncs a file; its end shows that the filesystem takes writes. */
async function write(path: string): Promise<ChildProcess> {
  const child = spawn('sh', ['-c', 'echo x >"$1"; sync "$1"', 'sh', path], { stdio: 'ignore' });
  await sandbox.owns(child.pid ?? 0);
  return child;
}

/** Fails at its deadline, in place of a test that hangs over a frozen filesystem. */
async function expectWritable(mountpoint: string): Promise<void> {
  const child = await write(join(mountpoint, `proof-${randomUUID()}`));
  await until('a write goes through', () => child.exitCode === 0);
}

/** In the kernel's wait for the thaw: percpu_rwsem_wait, by the way of sb_start_write. */
async function isBlocked(child: ChildProcess): Promise<boolean> {
  const stack = await readFile(`/proc/${child.pid}/stack`, 'utf8');
  return stack.includes('percpu_rwsem_wait');
}

async function watchdogs(mountpoint: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: number[] = [];
  for (const pid of pids) {
    const opened = await readlink(`/proc/${pid}/fd/3`).catch(() => '');
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (opened === mountpoint && command.includes('python3')) found.push(pid);
  }
  return found;
}

describe.each(['ext4', 'xfs'] as const)('a freeze of %s', (type) => {
  let mountpoint: string;
  beforeEach(async () => {
    mountpoint = await mountNew(type);
  });

  it('holds a writer up and lets it go on afterwards; the mark is in the volume, the time is measured', async () => {
    const before = performance.now();
    const { result, frozenMs, mark } = await withFrozen(ports, { mountpoint }, async () => {
      const writer = await write(join(mountpoint, 'file'));
      await until('the writer waits', () => isBlocked(writer));
      return { writer, since: performance.now() };
    });
    const { writer, since } = result;
    await until('the writer goes on', () => writer.exitCode === 0);
    expect(frozenMs).toBeGreaterThan(0);
    expect(frozenMs).toBeLessThanOrEqual(performance.now() - before);
    expect(since).toBeGreaterThan(before);
    expect(await readFile(join(mountpoint, mark?.path ?? ''), 'utf8')).toBe(`${mark?.value}\n`);
    await mounts.unmount(mountpoint);
  });

  it('leaves in the device what a copy made under it needs: the mark, without a journal', async () => {
    const [source] = (await mounts.list()).filter((entry) => entry.mountpoint === mountpoint);
    const copy = join(sandbox.dir, 'copy.img');
    const { mark } = await withFrozen(ports, { mountpoint }, async () => {
      await run('cp', ['--sparse=always', source?.source ?? '', copy]);
    });
    const shown = join(sandbox.dir, 'copy');
    await mkdir(shown);
    const options = type === 'ext4' ? 'loop,ro,noload' : 'loop,ro,norecovery,nouuid';
    await run('mount', ['-t', type, '-o', options, copy, shown]);
    expect(await readFile(join(shown, mark?.path ?? ''), 'utf8')).toBe(`${mark?.value}\n`);
    await mounts.unmount(shown);
  });

  it('ends at its deadline although the work hangs', async () => {
    const hanging = withFrozen(
      ports,
      { mountpoint, deadlineMs: 300 },
      () => new Promise<never>(() => undefined),
    );
    await expect(hanging).rejects.toMatchObject({ code: 'TimedOut' });
    await expectWritable(mountpoint);
  });

  it('ends when the agent is killed, though what it had started runs on', async () => {
    const main = join(import.meta.dirname, 'support/frozen.main.ts');
    const agent = spawn(process.execPath, [main, root, mountpoint], { stdio: ['pipe', 'pipe', 'inherit'] });
    await sandbox.owns(agent.pid ?? 0);
    const [child] = (await once(agent.stdout, 'data')) as [Buffer];
    await sandbox.owns(Number(child.toString('utf8')));
    const writer = await write(join(mountpoint, 'file'));
    await until('the writer waits', () => isBlocked(writer));
    agent.kill('SIGKILL');
    await until('the writer goes on', () => writer.exitCode === 0);
    await until('the watchdog has ended', async () => (await watchdogs(mountpoint)).length === 0);
    await mounts.unmount(mountpoint);
    expect(mountedAt(await mounts.list(), mountpoint)).toBeUndefined();
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'ends when its watchdog gets a %s, and does not count',
    async (signal) => {
      const failing = withFrozen(ports, { mountpoint }, async () => {
        const pids = await watchdogs(mountpoint);
        expect(pids).toHaveLength(1);
        process.kill(pids[0] ?? 0, signal);
        await new Promise(() => undefined);
      });
      await expect(failing).rejects.toMatchObject({ code: 'Conflict' });
      await expectWritable(mountpoint);
    },
  );

  it('does not count when somebody else thawed meanwhile', async () => {
    const thawed = withFrozen(ports, { mountpoint }, async () => {
      await run('fsfreeze', ['--unfreeze', mountpoint]);
    });
    await expect(thawed).rejects.toMatchObject({ code: 'Conflict' });
  });

  it('is refused where one stands already, which stays as it is', async () => {
    await run('fsfreeze', ['--freeze', mountpoint]);
    const second = withFrozen({ ...ports, markMs: 200 }, { mountpoint }, () => Promise.resolve());
    await expect(second).rejects.toMatchObject({ code: 'VolumeBusy' });
    const writer = await write(join(mountpoint, 'file'));
    await until('the writer waits', () => isBlocked(writer));
    await run('fsfreeze', ['--unfreeze', mountpoint]);
    await until('the writer goes on', () => writer.exitCode === 0);
    await until('the watchdog has ended', async () => (await watchdogs(mountpoint)).length === 0);
  });

  it('marks the volume beside its data and follows no link out of it', async () => {
    const outside = join(sandbox.dir, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'file'), 'kept');
    const mark = (): Promise<unknown> => withFrozen(ports, { mountpoint }, () => Promise.resolve());
    await symlink(outside, join(mountpoint, '.hivemind'));
    await expect(mark()).rejects.toMatchObject({ code: 'PathRefused' });
    expect(await watchdogs(mountpoint)).toEqual([]);
    await rm(join(mountpoint, '.hivemind'));
    await mkdir(join(mountpoint, '.hivemind'));
    for (const name of ['mark', 'mark.new'])
      await symlink(join(outside, 'file'), join(mountpoint, '.hivemind', name));
    await mark();
    await mark();
    expect(await readFile(join(outside, 'file'), 'utf8')).toBe('kept');
    expect(await readdir(join(mountpoint, '.hivemind'))).toEqual(['mark']);
  });

  it('needs no room: a full volume goes without a mark', async () => {
    await run('sh', [
      '-c',
      'dd if=/dev/zero of="$1"/full bs=1M; sync -f "$1"; i=0; while echo x >"$1"/full-$i; do i=$((i+1)); done; true',
      'sh',
      mountpoint,
    ]);
    const { mark } = await withFrozen(ports, { mountpoint }, () => Promise.resolve());
    expect(mark).toBeUndefined();
  });

  it('takes a read-only volume as it is, without a mark', async () => {
    await mounts.remount(mountpoint, ['ro']);
    const { mark, frozenMs } = await withFrozen(ports, { mountpoint }, () => Promise.resolve());
    expect(mark).toBeUndefined();
    expect(frozenMs).toBeGreaterThan(0);
    await mounts.remount(mountpoint, ['rw']);
    await expectWritable(mountpoint);
  });

  it('left behind by a dead agent and its watchdog is ended by the next start', async () => {
    await run('fsfreeze', ['--freeze', mountpoint]);
    expect(await thawLeftovers(ports)).toEqual([mountpoint]);
    await expectWritable(mountpoint);
    expect(await thawLeftovers(ports)).toEqual([]);
  });
});

describe('never frozen', () => {
  const refusal = (ports_: FreezePorts, mountpoint: string) =>
    withFrozen(ports_, { mountpoint }, () => Promise.resolve()).then(
      () => 'frozen',
      (error: unknown) => String(error),
    );

  it("is the host's root, Docker's data root, the agent's folder, and what is not a volume's own mount", async () => {
    const own = await mountNew('ext4');
    const docker = join(own, 'docker');
    await mkdir(docker);
    expect(await refusal(portsWith(docker), own)).toContain(`the filesystem of Docker (${docker})`);
    const elsewhere = await mountNew('ext4', join(sandbox.dir, 'elsewhere'));
    expect(await refusal(ports, elsewhere)).toContain("it is not a volume's own mount");
    const bound = join(root, 'mounts/bound');
    await mkdir(bound);
    await mounts.bind(elsewhere, bound);
    expect(await refusal(ports, bound)).toContain(`the host has it mounted at ${elsewhere} too`);
    const plain = join(root, 'mounts/plain');
    await mkdir(plain);
    expect(await refusal(ports, plain)).toContain("it is on the filesystem of this host's root (/)");
    expect(await refusal(ports, '/')).toContain("it is on the filesystem of this host's root (/)");
    const state = {
      ...ports,
      spared: () => sparedFilesystems({ root: own, docker: { dataRoot: () => Promise.resolve(undefined) } }),
    };
    expect(await refusal(state, own)).toContain(`the filesystem of the agent's state (${own})`);
    await expectWritable(own);
    await expectWritable(elsewhere);
  });
});

describe('the start of the agent', () => {
  it('thaws what was left frozen', async () => {
    const rig = await startRig();
    try {
      expect((await rig.plugin('Create', { Name: 'cold', Opts: { size: '1G' } })).Err).toBe('');
      expect((await rig.plugin('Mount', { Name: 'cold', ID: 'one' })).Err).toBe('');
      await run('fsfreeze', ['--freeze', join(rig.root, 'mounts', rig.cloud.volume('cold').id)]);
      await rig.restart();
      await expectWritable(join(rig.root, 'volumes/cold'));
      expect(rig.log.some((line) => line.includes('thawed what was left frozen'))).toBe(true);
    } finally {
      await rig.close();
    }
  });
});
