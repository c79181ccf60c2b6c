import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withFrozen, type FreezePorts } from '#agent/freeze/freezer.ts';
import { systemFreeze } from '#agent/freeze/system.ts';
import { systemBlocks } from '#agent/host/blocks.ts';
import { systemExec } from '#agent/host/exec.ts';
import { systemMounts } from '#agent/host/mounts.ts';
import { silentLog } from '#agent/log.ts';
import { cleanCopies } from '#agent/verify/leftovers.ts';
import { readManifest, writeManifest } from '#agent/verify/manifest.ts';
import { verifyCopy, type VerifyPorts, type VerifyRequest } from '#agent/verify/verify.ts';
import { until } from '#test/support/until.ts';
import { hostA } from './support/agent.ts';
import { loopDevices, openSandbox, run, type Loops, type Sandbox } from './support/sandbox.ts';

const exec = systemExec(silentLog);
const mounts = systemMounts(exec);

let sandbox: Sandbox;
let devices: Loops;
let freeze: FreezePorts;
let ports: VerifyPorts;
beforeEach(async () => {
  sandbox = await openSandbox();
  devices = loopDevices(sandbox.dir);
  const root = join(sandbox.dir, 'hivemind');
  await mkdir(join(root, 'mounts'), { recursive: true });
  const docker = { dataRoot: () => Promise.resolve(undefined) };
  freeze = systemFreeze({ root, docker, exec, mounts, log: silentLog });
  ports = { exec, mounts, blocks: systemBlocks(exec), directory: join(root, 'verify') };
});
afterEach(async () => sandbox.close());

interface Volume {
  readonly device: string;
  readonly image: string;
  readonly mountpoint: string;
  readonly format: { readonly type: 'ext4' | 'xfs'; readonly uuid: string };
}

/** A volume as the agent makes and mounts it, with some files. */
async function mountNew(type: 'ext4' | 'xfs', uuid = randomUUID()): Promise<Volume> {
  const serial = `vol-${randomUUID().replaceAll('-', '').slice(0, 17)}`;
  await devices.give(hostA, serial, 2 ** 29);
  const device = devices.deviceOf(hostA, serial);
  const named = type === 'ext4' ? ['-U', uuid] : ['-m', `uuid=${uuid}`];
  await run(`mkfs.${type}`, ['-q', ...named, device]);
  const mountpoint = join(freeze.stages, serial);
  await mkdir(mountpoint, { recursive: true });
  await mounts.mount({ source: device, target: mountpoint, fstype: type, options: [] });
  await mkdir(join(mountpoint, 'data', 'deep'), { recursive: true });
  for (let n = 0; n < 40; n++) await writeFile(join(mountpoint, 'data', `file-${n}`), `${n}`.repeat(5_000));
  await writeFile(join(mountpoint, 'data', 'deep', 'settled'), 'settled');
  return { device, image: devices.imageOf(serial), mountpoint, format: { type, uuid } };
}

interface Cut {
  readonly image: string;
  readonly manifest: string;
}

/** What a snapshot under a freeze is: the blocks as they are then, the journal not replayed. */
async function cut({ device, mountpoint }: Volume, meanwhile?: () => Promise<void>): Promise<Cut> {
  const id = randomUUID();
  const [image, manifest] = [join(sandbox.dir, `${id}.copy`), join(sandbox.dir, `${id}.json.gz`)];
  const frozenAt = new Date();
  await run('sync', ['-f', mountpoint]);
  const { mark } = await withFrozen(freeze, { mountpoint, deadlineMs: 30_000 }, async () => {
    await run('cp', ['--sparse=always', device, image]);
  });
  await meanwhile?.();
  await writeManifest({ operationId: 'op-1', volumeId: 'vol-1', root: mountpoint, frozenAt, mark }, manifest);
  return { image, manifest };
}

/** A scratch volume made from the cut, attached. */
async function attach(image: string): Promise<string> {
  const { stdout } = await run('losetup', ['--find', '--show', image]);
  return stdout.trim();
}

async function drill({ format }: Volume, made: Cut, parts: Partial<VerifyRequest> = {}) {
  const device = await attach(made.image);
  const manifest = await readManifest(made.manifest);
  const request = { id: 'op-1', device, format, manifest, patienceMs: 60_000, ...parts };
  const report = await verifyCopy(ports, request);
  expect(await copies()).toEqual([]);
  await run('losetup', ['-d', device]);
  return report;
}

const places = () => ({ directory: ports.directory, manifests: join(sandbox.dir, 'manifests') });

/** Mounts of copies, and their mountpoints. */
async function copies(): Promise<string[]> {
  const mounted = (await mounts.list()).filter(({ mountpoint }) => mountpoint.startsWith(ports.directory));
  return [...mounted.map(({ mountpoint }) => mountpoint), ...(await readdir(ports.directory))];
}

/** Overwrites the first place where the image holds these bytes, behind the filesystem's back. */
async function corrupt(image: string, bytes: string): Promise<void> {
  const { stdout } = await run('grep', [
    '--text',
    '--byte-offset',
    '--only-matching',
    '--max-count=1',
    bytes,
    image,
  ]);
  const handle = await open(image, 'r+');
  try {
    await handle.write(Buffer.alloc(bytes.length, 'X'), 0, bytes.length, Number(stdout.split(':')[0]));
  } finally {
    await handle.close();
  }
}

/** Changes a copy through its own filesystem. */
async function change({ format: { type } }: Volume, image: string, what: (root: string) => Promise<void>) {
  const shown = join(sandbox.dir, 'shown');
  await mkdir(shown, { recursive: true });
  await run('mount', ['-t', type, '-o', `loop${type === 'xfs' ? ',nouuid' : ''}`, image, shown]);
  try {
    await what(shown);
  } finally {
    await mounts.unmount(shown);
  }
}

describe.each(['ext4', 'xfs'] as const)('a copy of a volume with %s', (type) => {
  let volume: Volume;
  beforeEach(async () => {
    volume = await mountNew(type);
  });

  it('passes: journal replayed, filesystem clean, mark and all files as at the cut', async () => {
    const report = await drill(volume, await cut(volume), {
      check: { command: 'test "$(cat file-7 | wc -c)" = 5000 && pwd', timeoutMs: 10_000 },
    });
    expect(report).toMatchObject({
      outcome: 'passed',
      filesystemCheck: { clean: true },
      manifest: true,
      mark: true,
      wrong: 0,
      mismatches: [],
      check: { code: 0, output: expect.stringMatching(/\/data$/) },
    });
    expect(report.compared).toBeGreaterThanOrEqual(41);
    expect(report.hashed).toBe(41);
  });

  it('passes although the volume is written to while the manifest is made', async () => {
    const data = join(volume.mountpoint, 'data');
    const made = await cut(volume, async () => {
      await appendFile(join(data, 'file-1'), 'more');
      await rm(join(data, 'file-2'));
      await rename(join(data, 'file-3'), join(data, 'file-2'));
      await writeFile(join(data, 'new'), 'new');
      await rename(join(data, 'deep'), join(data, 'deeper'));
    });
    const report = await drill(volume, made);
    expect(report).toMatchObject({ outcome: 'passed', mismatches: [] });
    // Below a directory that has changed but is the same, everything else is compared all the same.
    expect(report.hashed).toBe(37);
  });

  it('fails where a block of a file is corrupted', async () => {
    await writeFile(join(volume.mountpoint, 'data', 'precious'), 'a-very-special-content');
    const made = await cut(volume);
    await corrupt(made.image, 'a-very-special-content');
    expect(await drill(volume, made)).toMatchObject({
      outcome: 'failed',
      mismatches: ['"data/precious": its contents differ'],
    });
  });

  it('fails where a file is missing', async () => {
    const made = await cut(volume);
    await change(volume, made.image, (root) => rm(join(root, 'data', 'file-5')));
    const report = await drill(volume, made);
    expect(report.outcome).toBe('failed');
    expect(report.mismatches).toContain('"data/file-5": is missing');
  });

  it('fails against an earlier snapshot of the same volume', async () => {
    const earlier = await cut(volume);
    const made = await cut(volume);
    const report = await drill(volume, { ...made, image: earlier.image });
    expect(report.outcome).toBe('failed');
    expect(report.mismatches[0]).toContain('the mark of the cut is not there');
  });

  it("fails against another volume's snapshot", async () => {
    const made = await cut(volume);
    const other = await cut(await mountNew(type));
    const report = await drill(volume, { ...made, image: other.image });
    expect(report).toMatchObject({ outcome: 'failed', wrong: 1 });
    expect(report.mismatches[0]).toContain('the copy should hold');
  });

  it('fails by its filesystem check alone, with everything readable', async () => {
    const made = await cut(volume);
    // Settled first: the replay would mend what is broken here.
    await change(volume, made.image, () => Promise.resolve());
    const { ino } = await stat(join(volume.mountpoint, 'data', 'file-1'));
    const device = await attach(made.image);
    const breaks =
      type === 'ext4'
        ? ['debugfs', '-w', '-R', `set_inode_field <${ino}> links_count 7`, device]
        : ['xfs_db', '-x', '-c', `inode ${ino}`, '-c', 'write core.nlinkv2 7', device];
    await run(breaks[0] ?? '', breaks.slice(1));
    await run('losetup', ['-d', device]);
    const report = await drill(volume, made, { manifest: undefined });
    expect(report).toMatchObject({ outcome: 'failed', filesystemCheck: { clean: false }, manifest: false });
    expect(report.filesystemCheck.output).not.toBe('');
  });

  it('fails where it cannot be mounted at all', async () => {
    const made = await cut(volume);
    const handle = await open(made.image, 'r+');
    // Behind the superblock, which says what it is: the journal's inode, the allocation groups' headers.
    await handle.write(
      Buffer.alloc(16 * 2 ** 20, 0xff),
      0,
      16 * 2 ** 20,
      4096 * (type === 'ext4' ? 1 : 0) + 512,
    );
    await handle.close();
    const report = await drill(volume, made);
    expect(report).toMatchObject({ outcome: 'failed', filesystemCheck: { clean: false } });
    expect(report.mismatches[0]).toContain('cannot be mounted');
  });

  it('fails with the check command, whose output is kept short and which cannot outlive it', async () => {
    const made = await cut(volume);
    const noisy = await drill(volume, made, {
      check: { command: 'yes no | head -c 100000; echo end; exit 3', timeoutMs: 10_000 },
    });
    expect(noisy).toMatchObject({ outcome: 'failed', wrong: 0, check: { code: 3 } });
    expect(noisy.check?.output.length).toBeLessThanOrEqual(2048);
    expect(noisy.check?.output).toMatch(/end$/);
    const token = `left-${randomUUID()}`;
    const hanging = await drill(volume, made, {
      check: { command: `sh -c 'exec sleep 1000 ${token}' 2>/dev/null; sleep 1000`, timeoutMs: 300 },
    });
    expect(hanging).toMatchObject({ outcome: 'failed', check: { code: 124 } });
  });

  it('cannot be written to by the check command', async () => {
    const made = await cut(volume);
    const report = await drill(volume, made, { check: { command: 'echo x > file-1', timeoutMs: 10_000 } });
    expect(report.outcome).toBe('failed');
    expect(report.check?.output).toContain('Read-only');
  });

  it('of a cut without a freeze has a dirty journal, which is replayed', async () => {
    const synced = join(volume.mountpoint, 'data', 'synced');
    await run('sh', ['-c', 'echo yes >"$1"; sync "$1"', 'sh', synced]);
    const image = join(sandbox.dir, 'dirty.copy');
    await run('cp', ['--sparse=always', volume.device, image]);
    const raw = await attach(image);
    const { stdout } = await run('sh', [
      '-c',
      type === 'ext4' ? 'dumpe2fs -h "$1" 2>&1' : 'xfs_logprint -t "$1"',
      'sh',
      raw,
    ]);
    expect(stdout).toMatch(type === 'ext4' ? /needs_recovery/ : /DIRTY|head: [1-9]/);
    await run('losetup', ['-d', raw]);
    const report = await drill(
      volume,
      { image, manifest: (await cut(volume)).manifest },
      {
        manifest: undefined,
        check: { command: 'test "$(cat synced)" = yes', timeoutMs: 10_000 },
      },
    );
    expect(report).toMatchObject({ outcome: 'passed', manifest: false, mark: false, check: { code: 0 } });
    expect(report.hashed).toBeGreaterThanOrEqual(1);
  });
});

describe('what a drill leaves', () => {
  it('is nothing, also when it throws', async () => {
    const volume = await mountNew('ext4');
    const made = await cut(volume);
    await expect(drill(volume, made, { patienceMs: -1 })).rejects.toMatchObject({ code: 'TimedOut' });
    expect(await copies()).toEqual([]);
  });

  it('when its agent dies is cleaned at the start of the next', async () => {
    const volume = await mountNew('ext4');
    const device = await attach((await cut(volume)).image);
    const left = join(ports.directory, 'op-dead');
    await mkdir(left, { recursive: true });
    await mounts.mount({ source: device, target: left, fstype: 'ext4', options: ['ro'] });
    await mkdir(join(ports.directory, 'op-empty'));
    await cleanCopies({ mounts, log: silentLog }, places());
    expect(await copies()).toEqual([]);
    await run('losetup', ['-d', device]);
  });

  it('is told where something has it open, and goes the next time', async () => {
    const volume = await mountNew('ext4');
    const device = await attach((await cut(volume)).image);
    const left = join(ports.directory, 'op-held');
    await mkdir(left, { recursive: true });
    await mounts.mount({ source: device, target: left, fstype: 'ext4', options: ['ro'] });
    const holder = spawn('sleep', ['1000'], { cwd: left, stdio: 'ignore' });
    await sandbox.owns(holder.pid ?? 0);
    await until('it holds the copy', () => holder.pid !== undefined);
    await cleanCopies({ mounts, log: silentLog }, places());
    expect(await copies()).not.toEqual([]);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    await cleanCopies({ mounts, log: silentLog }, places());
    expect(await copies()).toEqual([]);
    await run('losetup', ['-d', device]);
  });
});
