import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '#test/support/until.ts';
import { hostA, startRig, type Rig } from './support/agent.ts';

const run = promisify(execFile);

let rig: Rig;
beforeEach(async () => {
  rig = await startRig();
});
afterEach(async () => {
  await rig.close();
});

const create = async (name: string, Opts: Record<string, string> = {}): Promise<void> => {
  expect(await rig.plugin('Create', { Name: name, Opts: { size: '1G', ...Opts } })).toEqual({ Err: '' });
};
const mount = (Name: string, ID = 'one') => rig.plugin('Mount', { Name, ID });
const unmount = (Name: string, ID = 'one') => rig.plugin('Unmount', { Name, ID });
const pathOf = (name: string): string => join(rig.root, 'volumes', name);
const attached = (name: string) => rig.cloud.volume(name).hosts.get(hostA);
const isMounted = async (path: string): Promise<boolean> =>
  (await readFile('/proc/self/mountinfo', 'utf8')).includes(` ${path} `);
const device = (name: string): string => rig.devices.deviceOf(hostA, rig.cloud.volume(name).serial);
const blkid = async (name: string): Promise<string> =>
  (await run('blkid', ['-p', '-s', 'UUID', '-o', 'value', device(name)])).stdout.trim();

describe('contract 1: format once', () => {
  it('refuses a blank volume whose device is not empty, and writes nothing', async () => {
    await create('dirty');
    const image = rig.devices.imageOf(rig.cloud.volume('dirty').serial);
    await writeFile(image, 'somebody’s bytes');
    expect((await mount('dirty')).Err).toMatch(/not empty: the first MiB is not all zero/);
    expect((await readFile(image)).subarray(0, 8).toString()).toBe('somebody');
    expect(rig.cloud.volume('dirty').filesystem.state).toBe('formatting');
  });

  it.each(['ext4', 'xfs'])('takes a format that ended before a crash as it is (%s)', async (filesystem) => {
    await create('crashed', { filesystem });
    rig.cloud.failNext('reportFormatted', 'Unavailable');
    expect((await mount('crashed')).Err).toMatch(/fails as told/);
    const uuid = await blkid('crashed');
    const writes = rig.log.filter((line) => line.includes('"file":"mkfs.')).length;
    expect((await mount('crashed')).Err).toBe('');
    expect(await blkid('crashed')).toBe(uuid);
    expect(rig.log.filter((line) => line.includes('"file":"mkfs.')).length).toBe(writes);
    expect(rig.cloud.countOf('takeTicket')).toBe(2);
  });

  it.each(['ext4', 'xfs'])(
    'makes a format again that did not end, under the same UUID (%s)',
    async (filesystem) => {
      await create('torn', { filesystem });
      rig.cloud.failNext('reportFormatted', 'Unavailable');
      await mount('torn');
      const uuid = await blkid('torn');
      // What a power cut leaves of a format: the superblock, and not all of the rest.
      await run('dd', [
        'if=/dev/zero',
        `of=${device('torn')}`,
        'bs=4096',
        'seek=1',
        'count=60',
        'conv=notrunc',
      ]);
      expect((await mount('torn')).Err).toBe('');
      expect(await blkid('torn')).toBe(uuid);
      expect(rig.cloud.volume('torn').filesystem).toMatchObject({ state: 'formatted', mounted: true, uuid });
    },
  );

  it('refuses a renewed ticket where another filesystem is', async () => {
    await create('other');
    rig.cloud.failNext('reportFormatted', 'Unavailable');
    await mount('other');
    await run('tune2fs', ['-f', '-U', randomUUID(), device('other')]);
    expect((await mount('other')).Err).toMatch(/not empty: .*ext4/);
  });

  it('refuses a volume whose UUID is not the recorded one', async () => {
    await create('swapped');
    await mount('swapped');
    await unmount('swapped');
    // tune2fs wants a filesystem that was checked after its last mount.
    await run('e2fsck', ['-f', '-y', device('swapped')]);
    await run('tune2fs', ['-f', '-U', randomUUID(), device('swapped')]);
    expect((await mount('swapped')).Err).toMatch(/should hold ext4 .*, but holds ext4/);
    expect(await isMounted(pathOf('swapped'))).toBe(false);
  });
});

describe('contract 2: the right device', () => {
  it('takes none when no device has the serial', async () => {
    await create('absent');
    await create('present');
    await mount('present');
    rig.cloud.attachMs = 60_000;
    const answer = mount('absent');
    await until('it is claimed', () => rig.cloud.volume('absent').hosts.size > 0);
    const attachment = rig.cloud.volume('absent').hosts.get(hostA);
    if (attachment !== undefined) attachment.actual = 'attached';
    expect((await answer).Err).toMatch(/No device of this host has the serial vol-/);
  });

  it('takes none when two devices say that they are it', async () => {
    await create('twin');
    await mount('twin');
    await unmount('twin');
    const { serial } = rig.cloud.volume('twin');
    await rig.devices.give('i-0bbbbbbbbbbbbbbbb', serial, 2 ** 30);
    expect((await mount('twin')).Err).toMatch(/both say they are vol-/);
    await rig.devices.take('i-0bbbbbbbbbbbbbbbb', serial);
  });
});

describe('contract 3: one writer', () => {
  it('sets the lease before anything is mounted and clears it when nothing holds the device', async () => {
    await create('leased');
    rig.cloud.failNext('setLease', 'StaleEpoch');
    expect((await mount('leased')).Err).toMatch(/fails as told/);
    expect(await isMounted(join(rig.root, 'mounts', rig.cloud.volume('leased').id))).toBe(false);
    await mount('leased');
    expect(attached('leased')?.inUse).toBe(true);
    await unmount('leased');
    expect(attached('leased')?.inUse).toBe(false);
  });

  it('keeps the lease while another mount namespace still has the filesystem', async () => {
    await create('lingering');
    const path = (await mount('lingering')).Mountpoint ?? '';
    const holder = spawn('unshare', ['--mount', '--propagation', 'private', 'sleep', '300'], {
      stdio: 'ignore',
    });
    try {
      await until('it has its own mount table', async () => {
        const own = await readFile(`/proc/${holder.pid}/comm`, 'utf8');
        return own.trim() === 'sleep';
      });
      expect((await unmount('lingering')).Err).toBe('');
      expect(await isMounted(path)).toBe(true);
      expect(attached('lingering')?.inUse).toBe(true);
      // Even when a person unmounts it by hand on the host, the holder may still write.
      await run('umount', [path]);
      await run('umount', [join(rig.root, 'mounts', rig.cloud.volume('lingering').id)]);
      await unmount('lingering');
      expect(attached('lingering')?.inUse).toBe(true);
    } finally {
      holder.kill('SIGKILL');
      await once(holder, 'exit');
    }
    await until('the sweep clears the lease', () => attached('lingering')?.inUse === false);
  });

  it.each(['ext4', 'xfs'])(
    'stops the filesystem when the lease has moved on, then unmounts (%s)',
    async (filesystem) => {
      await create('fenced', { filesystem });
      const path = (await mount('fenced')).Mountpoint ?? '';
      const script = `exec 3>${path}/file; while echo x >&3; do sleep 0.05; done; echo refused`;
      const writer = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
      const said = once(writer.stdout, 'data') as Promise<[Buffer]>;
      await until('it writes', async () => (await readFile(join(path, 'file'), 'utf8')).length > 2);
      await rig.cloud.moveOn('fenced');
      expect((await said)[0].toString()).toBe('refused\n');
      await until('it is unmounted', async () => !(await isMounted(path)));
      expect(rig.log.some((line) => line.includes('fencing'))).toBe(true);
    },
  );

  it('fences what only another namespace still has', async () => {
    await create('escaped');
    const path = (await mount('escaped')).Mountpoint ?? '';
    const script = `while echo x >>${path}/file; do sleep 0.05; done; echo refused; exec sleep 300`;
    const holder = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', script], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let said = '';
    holder.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    try {
      await until('it writes', async () => (await readFile(join(path, 'file'), 'utf8')).length > 2);
      await run('umount', [path]);
      await run('umount', [join(rig.root, 'mounts', rig.cloud.volume('escaped').id)]);
      await rig.cloud.moveOn('escaped');
      await until('a write is refused', () => said === 'refused\n');
      expect(rig.log.some((line) => line.includes('"path":"/proc/'))).toBe(true);
    } finally {
      holder.kill('SIGKILL');
      await once(holder, 'exit');
    }
  });

  it('does not fence on a hiccup: a refusal of the old epoch is what counts', async () => {
    await create('steady');
    const path = (await mount('steady')).Mountpoint ?? '';
    rig.cloud.failNext('sync', 'Internal');
    rig.cloud.away = true;
    await until('the agent has noticed', () => rig.log.some((line) => line.includes('does not answer')));
    rig.cloud.away = false;
    await until('it is back', () => rig.log.filter((line) => line.includes('answers')).length > 1);
    await writeFile(join(path, 'file'), 'still here');
    expect(rig.log.some((line) => line.includes('fencing'))).toBe(false);
  });

  it('hands a volume back when it is asked to and nothing uses it', async () => {
    await create('wanted');
    await mount('wanted');
    rig.cloud.askBack('wanted');
    await unmount('wanted');
    await until('it is released', () => rig.cloud.volume('wanted').hosts.size === 0);
    expect((await mount('wanted')).Err).toBe('');
  });

  it('waits for another operation on the volume to end, but not for another host to', async () => {
    await create('handed');
    rig.cloud.failNext('claim', 'OperationInProgress');
    expect((await mount('handed')).Err).toBe('');
    await create('elsewhere');
    await rig.cloud.as('i-0bbbbbbbbbbbbbbbb').claim('elsewhere');
    const holder = rig.cloud.volume('elsewhere').hosts.get('i-0bbbbbbbbbbbbbbbb');
    if (holder !== undefined) holder.inUse = true;
    expect((await mount('elsewhere')).Err).toMatch(/is in use on host i-0bbbbbbbbbbbbbbbb/);
  });

  it('thaws a frozen filesystem before it unmounts', async () => {
    await create('frozen');
    await mount('frozen');
    await run('fsfreeze', ['--freeze', join(rig.root, 'mounts', rig.cloud.volume('frozen').id)]);
    expect((await unmount('frozen')).Err).toBe('');
    expect(attached('frozen')?.inUse).toBe(false);
    const path = (await mount('frozen')).Mountpoint ?? '';
    await writeFile(join(path, 'file'), 'warm');
  });

  it('leaves a busy mount alone and takes it away when it is free', async () => {
    await create('busy');
    const path = (await mount('busy')).Mountpoint ?? '';
    const holder = spawn('sleep', ['300'], { cwd: path, stdio: 'ignore' });
    await until(
      'it stands in it',
      async () => (await readFile(`/proc/${holder.pid}/comm`, 'utf8')).trim() === 'sleep',
    );
    expect((await unmount('busy')).Err).toBe('');
    expect(await isMounted(path)).toBe(true);
    await until('it is reported', () =>
      rig.cloud.observed.get(hostA)?.some(({ error }) => error?.includes('has it open')),
    );
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    await unmount('busy');
    expect(await isMounted(path)).toBe(false);
  });
});

describe('contract 6: the kernel’s truth', () => {
  it('adopts what is mounted after a restart, under the same epoch', async () => {
    await create('adopted');
    const path = (await mount('adopted')).Mountpoint ?? '';
    await writeFile(join(path, 'file'), 'before');
    await rig.restart();
    expect(await rig.plugin('Path', { Name: 'adopted' })).toEqual({ Err: '', Mountpoint: path });
    expect(await mount('adopted', 'two')).toEqual({ Err: '', Mountpoint: path });
    expect(rig.cloud.volume('adopted').epoch).toBe(1);
    await unmount('adopted', 'one');
    expect(await isMounted(path)).toBe(true);
    await unmount('adopted', 'two');
    expect(await isMounted(path)).toBe(false);
  });

  it('serves what is mounted and mounts nothing new while the API is away, also after a restart', async () => {
    await create('served');
    await create('new');
    const path = (await mount('served')).Mountpoint ?? '';
    rig.cloud.away = true;
    await rig.restart();
    expect(await mount('served', 'two')).toEqual({ Err: '', Mountpoint: path });
    expect((await rig.plugin('Get', { Name: 'served' })).Volume).toMatchObject({ Mountpoint: path });
    expect((await rig.plugin('List')).Volumes).toEqual([{ Name: 'served', Mountpoint: path }]);
    expect((await mount('new')).Err).toMatch(/cannot be reached/);
    expect((await unmount('served', 'one')).Err).toBe('');
    expect((await unmount('served', 'two')).Err).toBe('');
    expect(await isMounted(path)).toBe(true);
  });

  it('finds and unmounts what neither a record nor the control plane knows', async () => {
    await create('orphan');
    const path = (await mount('orphan')).Mountpoint ?? '';
    const stage = join(rig.root, 'mounts', rig.cloud.volume('orphan').id);
    await rm(join(rig.root, 'records'), { recursive: true });
    await rig.cloud.moveOn('orphan');
    await rig.restart();
    await until('it is unmounted', async () => !(await isMounted(path)) && !(await isMounted(stage)));
    const told = await until('the log tells it', () =>
      rig.log.find((line) => line.includes('unmounted what nobody knows')),
    );
    expect(told).toContain(rig.root);
  });

  it('mounts anew after a boot, under a lease set anew', async () => {
    await create('booted');
    const path = (await mount('booted')).Mountpoint ?? '';
    await run('umount', [path]);
    await run('umount', [join(rig.root, 'mounts', rig.cloud.volume('booted').id)]);
    await rig.restart({ bootId: randomUUID() });
    await until('the lease of the old boot is cleared', () => attached('booted')?.inUse === false);
    expect((await mount('booted')).Err).toBe('');
    expect(attached('booted')?.inUse).toBe(true);
  });

  it.each(['claim', 'setLease', 'takeTicket', 'reportFormatted'] as const)(
    'carries on after a lost answer to %s',
    async (call) => {
      await create('lost');
      rig.cloud.failNext(call, 'Unavailable', true);
      expect((await mount('lost')).Err).toMatch(/answer lost/);
      expect((await mount('lost')).Err).toBe('');
      expect(rig.cloud.volume('lost').filesystem).toMatchObject({ state: 'formatted', mounted: true });
    },
  );
});
