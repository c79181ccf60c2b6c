import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mapLimit } from '#shared/model/map-limit.ts';
import { until } from '#test/support/until.ts';
import { image, openDockerRig, type DockerHost, type DockerRig } from './support/docker-host.ts';

const hostA = 'i-0aaaaaaaaaaaaaaaa';

describe('with a real dockerd', () => {
  let rig: DockerRig;
  let host: DockerHost;
  beforeAll(async () => {
    rig = await openDockerRig();
    host = await rig.addHost(hostA, { idleSeconds: 1 });
  });
  afterAll(async () => {
    await rig.close();
  });

  const inUse = (name: string): boolean =>
    [...rig.cloud.volume(name).hosts.values()].some((one) => one.inUse);
  const isMounted = async (name: string): Promise<boolean> =>
    (await host.mountinfo()).includes(` ${join(host.root, 'volumes', name)} `);
  const unused = async (name: string): Promise<void> => {
    await until(`nothing uses ${name}`, async () => !inUse(name) && !(await isMounted(name)));
  };
  const create = (name: string, ...options: string[]): Promise<string> =>
    host.docker('volume', 'create', '-d', 'hivemind', ...options.flatMap((option) => ['-o', option]), name);
  const flags = ['--network', 'none', '--stop-timeout', '1'];
  const runIn = (mount: string, script: string, ...more: string[]): Promise<string> =>
    host.docker('run', '--rm', ...flags, '-v', mount, ...more, image, 'sh', '-c', script);
  const start = (name: string, mount: string, script: string): Promise<string> =>
    host.docker('run', '-d', '--name', name, ...flags, '-v', mount, image, 'sh', '-c', script);

  it('keeps data from one container to the next, and lets the volume go in between', async () => {
    await create('keep', 'size=1G', 'labels=app=db');
    await runIn('keep:/data', 'echo kept >/data/file; sync');
    await unused('keep');
    expect(await runIn('keep:/data', 'cat /data/file')).toBe('kept\n');
    await unused('keep');
    await host.docker('volume', 'rm', 'keep');
    expect(rig.cloud.has('keep')).toBe(false);
  });

  it('says at once which container uses a volume, and that none does any more', async () => {
    const slow = await rig.addHost('i-0bbbbbbbbbbbbbbbb', { pollSeconds: 3600 });
    const said = (): readonly string[] =>
      rig.cloud.observed.get(slow.id)?.flatMap(({ containers }) => containers) ?? [];
    await slow.docker('volume', 'create', '-d', 'hivemind', 'told');
    for (const name of ['first', 'second']) {
      await slow.docker('run', '-d', '--name', name, ...flags, '-v', 'told:/data', image, 'sleep', '600');
      await until(`${name} is named`, () => said().join() === name);
      await slow.docker('rm', '-f', name);
      await until('nobody is named', () => said().length === 0);
    }
    expect(said()).toEqual([]);
  });

  it('copies the image’s content up into an empty volume, with its owner; nocopy leaves it empty', async () => {
    await create('seeded');
    expect(await runIn('seeded:/seeded', 'ls /seeded; stat -c %u:%g /seeded /seeded/from-image')).toBe(
      'from-image\n1000:1000\n1000:1000\n',
    );
    await create('bare');
    const mount = 'type=volume,source=bare,target=/seeded,volume-nocopy=true';
    expect(await host.docker('run', '--rm', ...flags, '--mount', mount, image, 'ls', '/seeded')).toBe('');
  });

  it('mounts read-only where the container asks, and where the volume is', async () => {
    await create('ro');
    await runIn('ro:/data', 'echo here >/data/file');
    expect(await runIn('ro:/data:ro', 'cat /data/file; touch /data/no 2>/dev/null || echo refused')).toBe(
      'here\nrefused\n',
    );
    await create('locked', 'readonly=true');
    expect(await runIn('locked:/data', 'touch /data/no 2>/dev/null || echo refused')).toBe('refused\n');
  });

  it('serves a container that runs as user 1000:1000', async () => {
    await create('owned', 'uid=1000', 'gid=1000', 'mode=0700');
    const script = 'id -u; touch /data/mine && stat -c %u:%g /data/mine';
    expect(await runIn('owned:/data', script, '--user', '1000:1000')).toBe('1000\n1000:1000\n');
  });

  it('serves anonymous volumes and takes them away with their container', async () => {
    const id = (
      await host.docker(
        'run',
        '-d',
        ...flags,
        '--volume-driver',
        'hivemind',
        '-v',
        '/data',
        image,
        'sleep',
        '60',
      )
    ).trim();
    const format = '{{range .Mounts}}{{.Name}} {{.Driver}}{{end}}';
    const [name = '', driver] = (await host.docker('inspect', '-f', format, id)).trim().split(' ');
    expect(name).toMatch(/^[0-9a-f]{64}$/);
    expect(driver).toBe('hivemind');
    await host.docker('exec', id, 'touch', '/data/file');
    await host.docker('rm', '-fv', id);
    await until('the volume is gone', () => !rig.cloud.has(name));
  });

  it('leaves a volume mounted that a running container uses, whatever docker cp unmounts', async () => {
    await create('copied');
    await start('copier', 'copied:/data', 'while true; do echo line >>/data/log; sleep 0.1; done');
    await host.exec('sh', '-c', 'echo from outside >/run/file');
    await host.docker('cp', '/run/file', 'copier:/data/file');
    expect(await isMounted('copied')).toBe(true);
    expect(inUse('copied')).toBe(true);
    expect(await host.docker('exec', 'copier', 'cat', '/data/file')).toBe('from outside\n');
    await host.docker('rm', '-f', 'copier');
    await unused('copied');
    expect(await runIn('copied:/data', 'cat /data/file')).toBe('from outside\n');
  });

  it('unmounts with the last of two containers, not with the first', async () => {
    await create('shared');
    await start('first', 'shared:/data', 'sleep 60');
    await start('second', 'shared:/data', 'sleep 60');
    await host.docker('rm', '-f', 'first');
    expect(await isMounted('shared')).toBe(true);
    expect(await host.docker('exec', 'second', 'sh', '-c', 'echo on >/data/x; cat /data/x')).toBe('on\n');
    await host.docker('rm', '-f', 'second');
    await unused('shared');
  });

  it('keeps data over docker restart, also while the API is away', async () => {
    await create('restarted');
    await start('restarter', 'restarted:/data', 'echo up >>/data/starts; sleep 60');
    await host.docker('restart', '-t', '0', 'restarter');
    rig.cloud.away = true;
    try {
      await until('the agent has noticed', async () => (await host.agentLog()).includes('does not answer'));
      await host.docker('restart', '-t', '0', 'restarter');
      expect(await host.docker('exec', 'restarter', 'cat', '/data/starts')).toBe('up\nup\nup\n');
      expect(await host.docker('volume', 'inspect', '-f', '{{.Mountpoint}}', 'restarted')).toBe(
        `${join(host.root, 'volumes/restarted')}\n`,
      );
      await expect(runIn('another:/data', 'true', '--volume-driver', 'hivemind')).rejects.toThrow(
        /cannot be reached/,
      );
    } finally {
      rig.cloud.away = false;
    }
    await host.docker('rm', '-f', 'restarter');
    await unused('restarted');
  });

  it('loses nothing when the agent is killed in the middle of a write load', async () => {
    await create('loaded');
    const script = 'i=0; while true; do i=$((i+1)); echo line $i >>/data/log; sync /data/log; echo $i; done';
    await start('loader', 'loaded:/data', script);
    const written = async (): Promise<number> =>
      Number((await host.docker('logs', '--tail', '1', 'loader')).trim());
    await until('it writes', async () => (await written()) > 20);
    await host.kill('agent');
    const before = await written();
    await until('it writes on without an agent', async () => (await written()) > before + 20);
    await host.startAgent();
    await until('the agent knows its mount', () =>
      rig.cloud.observed
        .get(hostA)
        ?.some(({ mounted, containers }) => mounted && containers.includes('loader')),
    );
    const acknowledged = await written();
    await host.docker('rm', '-f', 'loader');
    await unused('loaded');
    const lines = (await runIn('loaded:/data', 'cat /data/log')).trim().split('\n');
    expect(lines).toEqual(lines.map((_, index) => `line ${index + 1}`));
    expect(lines.length).toBeGreaterThanOrEqual(acknowledged);
    expect(rig.cloud.volume('loaded').epoch).toBe(1);
  });

  it.each([
    ['was killed', 'KILL'],
    ['has stopped in order, its containers with it,', 'TERM'],
  ] as const)('serves on after dockerd %s and unmounts when the container has gone', async (_, signal) => {
    const [volume, container] = [`survivor-${signal.toLowerCase()}`, `phoenix-${signal.toLowerCase()}`];
    await create(volume);
    await start(container, `${volume}:/data`, 'echo up >>/data/starts; sleep 300');
    await host.docker('update', '--restart', 'always', container);
    await host.kill('dockerd', signal);
    await host.startDockerd();
    await until('the container is back', async () => {
      const starts = await host.docker('exec', container, 'cat', '/data/starts');
      return starts === 'up\nup\n';
    });
    expect(await isMounted(volume)).toBe(true);
    await host.docker('rm', '-f', container);
    await unused(volume);
  });

  it('syncs when its queue says so, not only when the poll interval has passed', async () => {
    const { cloud, http } = rig;
    cloud.pollSeconds = 3600;
    await host.kill('agent');
    cloud.calls.length = 0;
    await host.startAgent();
    await until(
      'it has registered and synced once',
      () => cloud.countOf('register') > 0 && cloud.countOf('sync') > 0,
    );
    const before = cloud.countOf('sync');
    http.wake(hostA);
    expect(await until('it has synced', () => cloud.countOf('sync') > before)).toBe(true);
    cloud.pollSeconds = 1;
    await host.kill('agent');
    await host.startAgent();
  });

  it('creates, mounts and removes 20 volumes at once and leaves nothing behind', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `many-${index}`);
    await mapLimit(names, names.length, async (name) => {
      await create(name, 'size=1G');
      await runIn(`${name}:/data`, `echo ${name} >/data/name; cat /data/name`);
      await until(`${name} can be removed`, async () => {
        await host.docker('volume', 'rm', name);
        return true;
      });
    });
    expect(names.filter((name) => rig.cloud.has(name))).toEqual([]);
    expect(await host.mountinfo()).not.toContain('many-');
    const sysfs = await readFile('/proc/mounts', 'utf8');
    expect(sysfs).not.toContain('many-');
  });
});
