import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dockerEngine } from '#agent/host/docker.ts';
import { systemExec } from '#agent/host/exec.ts';
import { mountedAt, parseMountinfo } from '#agent/host/mounts.ts';
import { kernelUsers } from '#agent/host/users.ts';
import { jsonLog, silentLog } from '#agent/log.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hivemind-host-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

describe('mountinfo', () => {
  const text = [
    '64 43 7:0 / /var/lib/hivemind/mounts/vol-1 rw,nosuid,nodev shared:5 - ext4 /dev/loop0 rw',
    '65 43 7:0 /data /var/lib/hivemind/volumes/my\\040data rw,relatime shared:6 master:2 - ext4 /dev/loop0 rw',
    '66 65 0:50 / /var/lib/hivemind/volumes/my\\040data rw - tmpfs none rw',
    '',
  ].join('\n');
  it('is read with its escapes and its propagation', () => {
    const [first, second] = parseMountinfo(text);
    expect(first).toMatchObject({
      device: '7:0',
      root: '/',
      fstype: 'ext4',
      source: '/dev/loop0',
      peers: ['shared:5'],
    });
    expect(second).toMatchObject({ root: '/data', mountpoint: '/var/lib/hivemind/volumes/my data' });
    expect(second?.peers).toEqual(['shared:6', 'master:2']);
  });
  it('shows what was mounted last', () => {
    expect(mountedAt(parseMountinfo(text), '/var/lib/hivemind/volumes/my data')?.fstype).toBe('tmpfs');
  });
});

describe('who holds a filesystem', () => {
  const container = 'a'.repeat(64);
  const process = async (pid: string, namespace: string, mountinfo: string): Promise<void> => {
    await mkdir(join(dir, pid, 'ns'), { recursive: true });
    await symlink(`mnt:[${namespace}]`, join(dir, pid, 'ns/mnt'));
    await writeFile(join(dir, pid, 'mountinfo'), mountinfo);
    await writeFile(join(dir, pid, 'cgroup'), '0::/\n');
  };
  const inCgroup = (pid: string, cgroup: string): Promise<void> =>
    writeFile(join(dir, pid, 'cgroup'), `${cgroup}\n`);
  const ours =
    '64 43 7:0 / /m/vol rw shared:5 - ext4 /dev/loop0 rw\n65 43 7:0 /data /v/data rw shared:6 - ext4 x rw\n';
  const of = (root = '/') => kernelUsers(dir).of({ device: '7:0', root });
  beforeEach(() => process('self', '1', ours));

  it('is another mount namespace that has it, by its container', async () => {
    await process('10', '1', ours);
    await process('20', '2', '9 8 7:0 /data /data rw - ext4 /dev/loop0 rw\n');
    await inCgroup('20', `12:pids:/docker/${container}`);
    await process('21', '2', '');
    await process('30', '3', '9 8 7:1 / /data rw - ext4 /dev/loop1 rw\n');
    expect(await of()).toEqual([{ pid: 20, mountpoint: '/data', container }]);
  });

  it('names the container under systemd’s cgroups too', async () => {
    await process('20', '2', '9 8 7:0 /data /data rw - ext4 /dev/loop0 rw\n');
    await inCgroup('20', `0::/system.slice/docker-${container}.scope`);
    expect((await of())[0]?.container).toBe(container);
  });

  it('is not a service that has our mount by propagation, which goes with ours', async () => {
    await process(
      '20',
      '2',
      '9 8 7:0 / /m/vol rw master:5 - ext4 x rw\n9 8 7:0 /data /v/data rw master:6 - ext4 x rw\n',
    );
    expect(await of()).toEqual([]);
  });

  it('is one that copied our mounts for itself', async () => {
    await process('20', '2', '9 8 7:0 /data /v/data rw - ext4 x rw\n');
    expect(await of()).toEqual([{ pid: 20, mountpoint: '/v/data' }]);
  });

  it('is asked for one directory of a shared filesystem', async () => {
    await process('20', '2', '9 8 7:0 /data/sub /x rw - ext4 x rw\n');
    expect(await of('/data')).toHaveLength(1);
    expect(await of('/dat')).toEqual([]);
  });

  it('is not a process that has ended', async () => {
    await mkdir(join(dir, '40'));
    expect(await of()).toEqual([]);
  });
});

describe('Docker’s list', () => {
  let server: Server | undefined;
  const socket = (): string => join(dir, 'docker.sock');
  const answer = async (body: string): Promise<void> => {
    server = createServer((_, response) => response.end(body));
    await new Promise<void>((resolve) => server?.listen(socket(), () => resolve()));
  };
  afterEach(async () => {
    await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
    server = undefined;
  });

  it('tells each container’s volumes of our driver', async () => {
    const Mounts = [
      { Type: 'volume', Name: 'data', Driver: 'hivemind' },
      { Type: 'volume', Name: 'other', Driver: 'local' },
      { Type: 'bind' },
    ];
    await answer(JSON.stringify([{ Id: 'abc', Names: ['/web'], State: 'running', Mounts }]));
    expect(await dockerEngine(socket()).containers()).toEqual([
      { id: 'abc', name: 'web', state: 'running', volumes: ['data'] },
    ]);
  });
  it.each(['not json', '{}'])('is unknown, not empty, when the answer is %s', async (body) => {
    await answer(body);
    expect(await dockerEngine(socket()).containers()).toBeUndefined();
  });
  it('is unknown when nobody answers', async () => {
    expect(await dockerEngine(socket()).containers()).toBeUndefined();
  });
});

describe('a command', () => {
  const exec = systemExec(silentLog);
  it('gives its output, and the exit codes that are answers', async () => {
    expect(await exec.run('echo', ['a b', '$HOME'])).toEqual({ code: 0, stdout: 'a b $HOME\n', stderr: '' });
    expect((await exec.run('sh', ['-c', 'exit 3'], { accept: [3] })).code).toBe(3);
  });
  it.each<[string, readonly string[], RegExp]>([
    ['sh', ['-c', 'echo wrong >&2; exit 2'], /failed with exit code 2: wrong/],
    ['hivemind-no-such-tool', [], /is not installed/],
    ['sh', ['-c', 'kill -9 $$'], /was ended by SIGKILL/],
  ])('fails in its own words: %s %o', async (file, args, message) => {
    await expect(exec.run(file, args)).rejects.toThrow(message);
  });
  it('is killed when it does not end', async () => {
    await expect(exec.run('sleep', ['60'], { timeoutMs: 20 })).rejects.toThrow(/did not end within 0.02 s/);
  });
  it('is logged with its duration', async () => {
    const lines: string[] = [];
    await systemExec(jsonLog({ level: 'debug', write: (line) => void lines.push(line) })).run('true', []);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      message: 'command',
      file: 'true',
      code: 0,
      ms: expect.any(Number),
    });
  });
});

describe('the log', () => {
  it('strips what may be a secret', () => {
    const lines: string[] = [];
    const log = jsonLog({ write: (line) => void lines.push(line), now: () => new Date(0) });
    const cause = new TypeError('X-Amz-Security-Token=abc&x=1');
    log.info('call', {
      secretAccessKey: 'abc',
      nested: [{ Token: 'abc' }],
      text: 'password: abc',
      error: cause,
      name: 'data',
    });
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      time: '1970-01-01T00:00:00.000Z',
      level: 'info',
      message: 'call',
      secretAccessKey: '***',
      nested: [{ Token: '***' }],
      text: 'password: ***',
      error: { name: 'TypeError', message: 'X-Amz-Security-Token=***&x=1' },
      name: 'data',
    });
  });
});
