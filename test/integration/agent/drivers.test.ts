import { randomUUID } from 'node:crypto';
import { chmod, chown, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bindDriver } from '#agent/drivers/bind/bind.driver.ts';
import type { Driver, Stage } from '#agent/drivers/driver.ts';
import { ebsDriver } from '#agent/drivers/ebs/ebs.driver.ts';
import { systemFilesystems } from '#agent/drivers/ebs/filesystem.ts';
import { efsDriver } from '#agent/drivers/efs/efs.driver.ts';
import { emptyDirectory } from '#agent/drivers/efs/purge.ts';
import { tmpfsDriver } from '#agent/drivers/tmpfs/tmpfs.driver.ts';
import { systemBlocks } from '#agent/host/blocks.ts';
import { systemExec } from '#agent/host/exec.ts';
import { mountedAt, systemMounts, type Mounts } from '#agent/host/mounts.ts';
import { silentLog } from '#agent/log.ts';
import type { Assignment } from '#shared/model/host.ts';
import { until } from '#test/support/until.ts';
import { assignmentOf } from '#test/unit/agent/builders.ts';
import { loopDevices, openSandbox, type Sandbox } from './support/sandbox.ts';

const exec = systemExec(silentLog);
const mounts = systemMounts(exec);
const host = 'i-0aaaaaaaaaaaaaaaa';
const owner = { uid: 1000, gid: 1001, mode: '0750' };

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await openSandbox();
});
afterEach(async () => {
  await sandbox.close();
});

interface Case {
  readonly driver: Driver;
  readonly assignment: Assignment;
}

/** EFS as one machine can be it: a directory per access point, in place of the mount helper. */
function efsMounts(): Mounts {
  return {
    ...mounts,
    async mount(request) {
      const accessPoint =
        request.options.find((option) => option.startsWith('accesspoint='))?.slice(12) ?? '';
      const directory = join(sandbox.dir, 'efs', accessPoint);
      await mkdir(directory, { recursive: true });
      // An access point makes its own directory, with its own owner.
      await chown(directory, owner.uid, owner.gid);
      await chmod(directory, Number.parseInt(owner.mode, 8));
      await mounts.bind(directory, request.target);
      const kept = request.options.filter((option) => ['nosuid', 'nodev', 'ro'].includes(option));
      await mounts.remount(request.target, ['bind', ...kept]);
    },
  };
}

async function blockCase(type: 'ext4' | 'xfs'): Promise<Case> {
  const devices = loopDevices(sandbox.dir);
  const serial = `vol-${randomUUID().replaceAll('-', '').slice(0, 17)}`;
  await devices.give(host, serial, 2 ** 30);
  const uuid = randomUUID();
  const assignment = assignmentOf({
    filesystem: { state: 'blank', type },
    storage: { kind: 'ebs', volumeId: serial, provisionedGiB: 1, volumeType: 'gp3' },
    owner,
  });
  const blocks = systemBlocks(exec);
  const api = {
    takeTicket: () =>
      Promise.resolve({ volumeId: assignment.volumeId, epoch: 1, serial, type, uuid, renewed: false }),
    reportFormatted: () =>
      Promise.resolve({
        ...assignment,
        filesystem: { state: 'formatted', type, uuid, mounted: false } as const,
      }),
  };
  const driver = ebsDriver({
    api,
    blocks,
    mounts,
    log: silentLog,
    filesystems: systemFilesystems(exec, blocks),
  });
  return { driver, assignment };
}

const cases: Record<string, () => Promise<Case>> = {
  'ebs with ext4': () => blockCase('ext4'),
  'ebs with xfs': () => blockCase('xfs'),
  efs: () =>
    Promise.resolve({
      driver: efsDriver({ mounts: efsMounts() }),
      assignment: assignmentOf({
        driver: 'efs',
        filesystem: { state: 'none' },
        storage: { kind: 'efs', fileSystemId: 'fs-1', accessPointId: 'fsap-1', path: '/x' },
      }),
    }),
  bind: () =>
    Promise.resolve({
      driver: bindDriver({ mounts, rules: { allowedRoots: [join(sandbox.dir, 'data')], reserved: [] } }),
      assignment: assignmentOf({
        driver: 'bind',
        filesystem: { state: 'none' },
        options: { path: join(sandbox.dir, 'data/app') },
        owner,
      }),
    }),
  tmpfs: () =>
    Promise.resolve({
      driver: tmpfsDriver({ mounts }),
      assignment: assignmentOf({ driver: 'tmpfs', filesystem: { state: 'none' }, sizeBytes: 2 ** 22, owner }),
    }),
};

describe.each(Object.entries(cases))('the driver %s', (_, make) => {
  let driver: Driver;
  let stage: Stage;
  beforeEach(async () => {
    const { driver: made, assignment } = await make();
    driver = made;
    stage = { assignment, path: join(sandbox.dir, 'stage') };
  });
  const isStaged = async (): Promise<boolean> => mountedAt(await mounts.list(), stage.path) !== undefined;
  const restage = async (change: Partial<Assignment> = {}): Promise<void> => {
    stage = { ...stage, assignment: { ...(await driver.stage(stage)), ...change } };
  };

  it('mounts with nosuid and nodev, shows an empty directory, and may be asked again', async () => {
    await restage();
    await restage();
    const shown = (await mounts.list()).filter(({ mountpoint }) => mountpoint === stage.path);
    expect(shown).toHaveLength(1);
    expect(shown[0]?.options).toEqual(expect.arrayContaining(['nosuid', 'nodev']));
    expect(await readdir(driver.dataPath(stage))).toEqual([]);
  });

  it('sets owner and mode when it first makes the directory, and not again', async () => {
    await restage();
    const { uid, gid, mode } = await stat(driver.dataPath(stage));
    expect({ uid, gid, mode: (mode & 0o777).toString(8) }).toEqual({ uid: 1000, gid: 1001, mode: '750' });
  });

  it('keeps what was written, or, in memory, forgets it', async () => {
    await restage();
    await writeFile(join(driver.dataPath(stage), 'file'), 'kept');
    await driver.unstage(stage);
    expect(await isStaged()).toBe(false);
    expect(await driver.isFree(stage)).toBe(true);
    await restage();
    const kept = await readFile(join(driver.dataPath(stage), 'file'), 'utf8').catch(() => 'gone');
    expect(kept).toBe(driver.name === 'tmpfs' ? 'gone' : 'kept');
  });

  it('mounts read-only', async () => {
    await restage();
    await driver.unstage(stage);
    await restage({ readOnly: true });
    await driver.unstage(stage);
    await restage();
    await expect(writeFile(join(driver.dataPath(stage), 'file'), 'no')).rejects.toMatchObject({
      code: 'EROFS',
    });
  });

  it('takes nothing mounted as unmounted', async () => {
    await driver.unstage(stage);
    await restage();
    await driver.unstage(stage);
    await driver.unstage(stage);
    expect(await isStaged()).toBe(false);
  });

  it('refuses to unmount what is open, and leaves it as it is', async () => {
    await restage();
    const file = join(driver.dataPath(stage), 'file');
    await exec.run('mkfifo', [join(sandbox.dir, 'go')]);
    const holder = exec.run('sh', ['-c', `exec 3>${file}; echo open >&3; read _ <${sandbox.dir}/go`]);
    await until('it is open', async () => (await readFile(file, 'utf8')) === 'open\n');
    await expect(driver.unstage(stage)).rejects.toMatchObject({ code: 'VolumeBusy' });
    expect(await isStaged()).toBe(true);
    await writeFile(join(sandbox.dir, 'go'), '\n');
    await holder;
    await driver.unstage(stage);
    expect(await isStaged()).toBe(false);
  });
});

describe('emptying a deleted network volume', () => {
  it('takes everything of its directory away and nothing beside it, as often as it is asked', async () => {
    const efs = join(sandbox.dir, 'efs');
    await mkdir(join(efs, 'fsap-purge/deep/er'), { recursive: true });
    await mkdir(join(efs, 'fsap-other'), { recursive: true });
    await writeFile(join(efs, 'fsap-purge/deep/er/file'), 'x');
    await writeFile(join(efs, 'fsap-other/file'), 'kept');
    await exec.run('ln', ['-s', join(efs, 'fsap-other'), join(efs, 'fsap-purge/link')]);
    const task = {
      volumeId: 'vol-01JD0000000000000000000000',
      fileSystemId: 'fs-1',
      accessPointId: 'fsap-purge',
    };
    const ports = { mounts: efsMounts(), exec, directory: join(sandbox.dir, 'purges') };
    await emptyDirectory(ports, task);
    await emptyDirectory(ports, task);
    expect(await readdir(join(efs, 'fsap-purge'))).toEqual([]);
    expect(await readFile(join(efs, 'fsap-other/file'), 'utf8')).toBe('kept');
    expect(await readdir(join(sandbox.dir, 'purges'))).toEqual([]);
    await rm(efs, { recursive: true });
  });
});
