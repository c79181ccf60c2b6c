import { once } from 'node:events';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startConfinedTar } from '#agent/archives/confined-tar.ts';
import { systemMounts } from '#agent/host/mounts.ts';
import { kernelUsers } from '#agent/host/users.ts';
import { startRestic } from '#agent/restic/confined-restic.ts';
import { runCheck } from '#agent/verify/check-command.ts';
import { until } from '#test/support/until.ts';
import { exec, openDisks, sh, type Disks } from './support/filesystem.ts';
import { member, zeros } from './support/tar-writer.ts';

/*
 * What works for hours in a view of its own, on one volume, must not keep the host's other volumes from being unmounted
 * and handed to another host.
 */

/** A program of the agent's at work; `stop` ends it. */
interface AtWork {
  stop(): Promise<void>;
}

let disks: Disks;
let shared: string;

beforeAll(async () => {
  disks = await openDisks();
  for (const folder of ['root', 'cache', 'tar', 'tar/root', 'tar/tree', 'check', 'shared'])
    await mkdir(join(disks.dir, folder));
  // As the root of a host with systemd is.
  shared = join(disks.dir, 'shared');
  await sh(disks.dir, 'mount --bind shared shared; mount --make-shared shared');
});
afterAll(() => disks.close());

/** Another volume of the host, mounted. */
async function mountOther(name: string): Promise<string> {
  const path = join(shared, name);
  await sh(disks.dir, `truncate -s 16M ${name}.img; mkfs.ext4 -q ${name}.img; mkdir ${path}`);
  await sh(disks.dir, `mount -o loop ${name}.img ${path}`);
  return path;
}

async function tarAtWork(): Promise<AtWork> {
  const folder = join(disks.dir, 'tar');
  const tar = startConfinedTar(folder);
  const data = zeros(2 ** 16);
  tar.stdin.write(member({ name: './begun', data }));
  await until('tar has begun', () => access(join(folder, 'tree/begun')).then(() => true));
  return {
    async stop() {
      tar.kill();
      await tar.ended;
    },
  };
}

/** restic waits for a repository that does not answer. */
async function resticAtWork(): Promise<AtWork> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const asked = once(server, 'connection');
  const stopping = new AbortController();
  const restic = startRestic(
    { root: join(disks.dir, 'root'), cache: join(disks.dir, 'cache') },
    {
      args: ['--repo', `rest:http://127.0.0.1:${port}/`, 'snapshots'],
      password: 'secret',
      environment: {},
      signal: stopping.signal,
    },
  );
  restic.stdout.resume();
  const [connection] = (await asked) as [{ destroy(): void }];
  return {
    async stop() {
      stopping.abort();
      connection.destroy();
      server.close();
      await restic.ended;
    },
  };
}

async function checkAtWork(): Promise<AtWork> {
  const directory = join(disks.dir, 'check');
  await sh(directory, 'mkfifo goes-on');
  const ended = runCheck({ command: 'touch begun; read -r _ <goes-on', directory, timeoutMs: 120_000 });
  await until('the check has begun', () => access(join(directory, 'begun')).then(() => true));
  return {
    async stop() {
      await writeFile(join(directory, 'goes-on'), 'on\n');
      expect(await ended).toEqual({ code: 0, output: '' });
    },
  };
}

test.for([
  ['tar', tarAtWork],
  ['restic', resticAtWork],
  ['a check', checkAtWork],
] as const)('while %s works, nothing keeps another volume of the host', async ([name, start]) => {
  const other = await mountOther(`other-${name.replace(' ', '-')}`);
  const entry = (await systemMounts(exec).list()).find(({ mountpoint }) => mountpoint === other);
  const device = entry?.device ?? '';
  const atWork = await start();
  try {
    expect(await kernelUsers().of({ device, root: '/' })).toEqual([]);
    await sh(disks.dir, `umount ${other}`);
    // The kernel's own word: the filesystem lives while any namespace has it.
    await expect(access(`/sys/dev/block/${device}/loop`)).rejects.toThrow('ENOENT');
  } finally {
    await atWork.stop();
  }
});
