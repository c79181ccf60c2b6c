import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backup } from '#shared/model/backup.ts';
import type { Operation } from '#shared/model/operation.ts';
import type { Volume } from '#shared/model/volume.ts';
import { until } from '#test/support/until.ts';
import { joinCloud } from './harness/cloud.ts';
import type { TestCloud } from './harness/cloud.ts';
import { composeProject } from './harness/compose.ts';
import { backupScript, cron } from './harness/cron.ts';
import type { TestHost } from './harness/host.ts';

/** A volume's files in a file of the caller, and back: the documents' scripts, with everything that a file has. */
let cloud: TestCloud;
let host: TestHost;
let folder: string;
const run = promisify(execFile);

beforeAll(async () => {
  cloud = joinCloud();
  host = await cloud.addHost(cloud.unique('arc'));
  folder = mkdtempSync(join(tmpdir(), 'hivemind-archives-'));
});
afterAll(async () => {
  await cloud.close();
  rmSync(folder, { recursive: true, force: true });
});

const compose = `version: '3.8'
services:
  agent:
    image: busybox
    command: sleep infinity
    volumes: [agent_data:/data]
volumes:
  agent_data:
    driver: hivemind
`;

/** Everything that a file has, as text. */
const tree = (name: string): Promise<string> =>
  host.run(
    'sh',
    '-ec',
    `cd /var/lib/hivemind/volumes/${name}
     find . -path ./lost+found -prune -o -printf '%p %y %m %U:%G %n %s %b %l %T+\\n' | sort
     find . -type f -not -path './lost+found/*' | sort | xargs sha256sum
     getfattr --absolute-names -R -d -m - . 2>/dev/null | sort; getfacl -R -n . 2>/dev/null | sort`,
  );

describe('the documents’ volume test', () => {
  it('write, back up, down -v, restore: nothing is missing', async () => {
    const project = cloud.unique('myapp').replaceAll('-', '');
    const name = `${project}_agent_data`;
    const docker = composeProject(host, project, compose);
    await docker('up', '-d');
    await cloud.hivemind('volume', 'update', name, '--labels', 'backup=true');
    await docker('exec', '-T', 'agent', 'sh', '-c', 'echo "test data" > /data/test.txt');
    await host.run(
      'sh',
      '-ec',
      `cd /var/lib/hivemind/volumes/${name}; mkdir -p deep/er; chmod 2750 deep; ln test.txt deep/linked
       ln -s ../test.txt deep/way; head -c 3000000 /dev/urandom >deep/er/random; chown 1234:4321 deep/er/random
       truncate -s 100M sparse; printf end >>sparse; chmod 4711 deep/er/random; setfattr -n user.note -v kept test.txt
       setfacl -m u:77:r test.txt; touch -d '2020-02-02T02:02:02.123456789Z' deep/er/random`,
    );
    const before = await tree(name);
    expect(before).toContain('user.note');
    expect(await cron(cloud, backupScript, folder)).toContain(
      `Volume ${name} is backed up to ${folder}/${name}-`,
    );
    const [file = ''] = (await readdir(folder)).filter((one) => one.startsWith(name));
    expect(await readdir(folder)).toEqual([file]);
    const archive = join(folder, file);
    const plain = mkdtempSync(join(tmpdir(), 'hivemind-plain-'));
    await run('tar', ['-xzf', archive, '-C', plain]);
    expect(readFileSync(join(plain, 'test.txt'), 'utf8')).toBe('test data\n');
    rmSync(plain, { recursive: true });

    await docker('down', '-v', '-t', '0');
    await until('the volume is gone', async () => {
      const { exitCode } = await cloud.attemptHivemind(['volume', 'inspect', name]);
      return exitCode === 3;
    });
    expect(await cron(cloud, `hivemind volume restore --name ${name} --input ${archive}`, folder)).toContain(
      'is restored from',
    );
    const restored = await cloud.hivemindJson<Volume>('volume', 'inspect', name);
    expect(restored).toMatchObject({ type: 'local', size: '10G', labels: { backup: 'true' } });
    await until('the host has given it back', async () => {
      const { attachments = [] } = await cloud.hivemindJson<Volume>('volume', 'inspect', name);
      return attachments.length === 0;
    });

    await docker('up', '-d');
    expect(await docker('exec', '-T', 'agent', 'cat', '/data/test.txt')).toBe('test data');
    expect(await tree(name)).toBe(before);
    await docker('down', '-v', '-t', '0');
  });
});

it.each([
  ['network', undefined],
  ['hostpath', '/data/hivemind-test-archives'],
])('a %s volume’s files go to another volume', async (type, directory) => {
  // Hosts share this machine's directories.
  if (directory !== undefined) await host.run('rm', '-rf', directory);
  const [source, target] = [cloud.unique(`${type}-from`), cloud.unique(`${type}-to`)];
  const create = (name: string) =>
    cloud.hivemind(
      'volume',
      'create',
      name,
      '--type',
      type,
      ...(directory === undefined ? [] : ['--options', `path=${directory}/${name}`]),
      '--wait',
    );
  await create(source);
  await host.once(
    source,
    'sh',
    '-c',
    'echo shared >/data/file; chmod 640 /data/file; ln /data/file /data/again',
  );
  const file = join(folder, `${source}.tar.gz`);
  const at = ['--host', host.instanceId];
  await cloud.hivemind('volume', 'backup', '--name', source, '--output', file, ...at);
  // A directory is made by a person; anything else by what the archive says.
  if (directory !== undefined) await create(target);
  // It may hold anything, for all that the control plane knows.
  const yes = directory === undefined ? [] : ['--yes'];
  await cloud.hivemind('volume', 'restore', '--name', target, '--input', file, ...at, ...yes);
  expect(await host.once(target, 'sh', '-c', 'cd /data; cat again; stat -c "%a %h" file')).toBe(
    'shared\n640 2',
  );
  for (const name of [source, target])
    await cloud.hivemind('volume', 'delete', name, '--purge', '--yes', '--wait');
  if (directory !== undefined) await host.run('rm', '-rf', directory);
});

describe('an archive', () => {
  it('whose fetching is killed goes on where it was, and is whole', async () => {
    const name = cloud.unique('large');
    await cloud.hivemind('volume', 'create', name, '--size', '1G', '--zone', 'us-east-1a', '--wait');
    const sum = await host.once(
      name,
      'sh',
      '-c',
      'head -c 90000000 /dev/urandom >/data/random; sha256sum /data/random',
    );
    const file = join(folder, `${name}.tar.gz`);
    const args = ['volume', 'backup', '--name', name, '--output', file];
    const env = { PATH: process.env['PATH'], HOME: join(cloud.file.home, 'cli') };
    const child = spawn(join(cloud.file.home, 'bin', 'hivemind'), args, {
      env,
      stdio: 'ignore',
      detached: true,
    });
    const ended = once(child, 'exit');
    const partial = (): number => statSync(`${file}.partial`, { throwIfNoEntry: false })?.size ?? 0;
    while (partial() === 0 && child.exitCode === null) await new Promise(setImmediate);
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await ended;
    expect((await readdir(folder)).filter((one) => one.startsWith(name))).not.toContain(`${name}.tar.gz`);
    expect(partial()).toBeGreaterThan(0);

    await cloud.hivemind(...args);
    const { stdout } = await run('sh', ['-c', `tar -xzOf ${file} ./random | sha256sum`]);
    expect(stdout.slice(0, 64)).toBe(sum.slice(0, 64));
    expect((await readdir(folder)).filter((one) => one.startsWith(name))).toEqual([`${name}.tar.gz`]);
    const operations = await cloud.hivemindJson<Operation[]>('operation', 'ls', '--volume', name);
    expect(operations.filter(({ kind }) => kind === 'export')).toHaveLength(1);

    const again = await cloud.attemptHivemind(args);
    expect(again).toMatchObject({ exitCode: 2 });
    expect(again.stderr).toContain('--overwrite');
    await cloud.hivemind('volume', 'delete', name, '--purge', '--yes', '--wait');
  });

  it('that is hostile is refused and changes nothing; what a volume holds is replaced once it is kept', async () => {
    const name = cloud.unique('safe');
    const restore = (file: string, ...more: string[]) =>
      cloud.attemptHivemind(['volume', 'restore', '--name', name, '--input', file, ...more]);
    await cloud.hivemind('volume', 'create', name, '--size', '1G', '--zone', 'us-east-1a', '--wait');
    const evil = join(folder, 'evil.tar.gz');
    await run('tar', ['-czf', evil, '-P', '--transform', 's,^etc/,../../etc/,', '-C', '/', 'etc/hostname']);
    const refused = await restore(evil);
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr).toContain('..');
    expect(await host.once(name, 'find', '/data', '-mindepth', '1')).toBe('');

    const [good, other] = [join(folder, 'good.tar.gz'), join(folder, 'other.tar.gz')];
    await run('tar', ['-czf', good, '-C', '/etc', 'hostname']);
    await run('tar', ['-czf', other, '-C', '/etc', 'hosts']);
    await host.container('user', name, 'sleep', 'infinity');
    // The host says a moment later which container it is.
    const busy = await until('the container is named', async () => {
      const tried = await restore(good, '--yes');
      return tried.stderr.includes('user') ? tried : undefined;
    });
    expect(busy.exitCode).toBe(4);
    await host.docker('rm', '--force', 'user');
    const empty = await until('it can be restored', async () => {
      const tried = await restore(good, '--yes');
      return tried.exitCode === 0 ? tried : undefined;
    });
    expect(empty.stdout).not.toContain('is kept as');

    const unasked = await restore(other);
    expect(unasked).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--yes') });
    const replaced = await restore(other, '--yes');
    expect(replaced).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('is kept as') });
    expect(await host.once(name, 'sh', '-c', 'ls /data | grep -v lost')).toBe('hosts');
    const [, guard = ''] = /kept as (bak-\w+)/.exec(replaced.stdout) ?? [];
    const kept = await cloud.hivemindJson<Backup>('backup', 'inspect', guard);
    expect(kept).toMatchObject({ kind: 'archive', origin: 'guard', state: 'available' });
    expect(kept.storage).toMatchObject({ snapshot: { files: 1 } });
    await cloud.hivemind('volume', 'delete', name, '--purge', '--yes', '--wait');
  });
});
