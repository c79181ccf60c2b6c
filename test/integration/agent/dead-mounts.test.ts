import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mapLimit } from '#shared/model/map-limit.ts';
import { until } from '#test/support/until.ts';
import { image, openDockerRig, type DockerHost, type DockerRig } from './support/docker-host.ts';
import { pluginOn } from './support/docker-plugin.ts';

/** Network storage that goes away under its mounts: it hangs, as a server that is away does, or its directory is gone. */
describe('a network volume', () => {
  let rig: DockerRig;
  let host: DockerHost;
  let plugin: ReturnType<typeof pluginOn>;
  beforeAll(async () => {
    rig = await openDockerRig();
    host = await rig.addHost('i-0aaaaaaaaaaaaaaaa', { idleSeconds: 1 });
    plugin = pluginOn(host.path('/run/docker/plugins/hivemind.sock'));
  });
  afterAll(async () => {
    await rig.close();
  });

  const flags = ['--network', 'none', '--stop-timeout', '1'];
  const create = (name: string, type: string): Promise<string> =>
    host.docker('volume', 'create', '-d', 'hivemind', '-o', `type=${type}`, name);
  const observed = (name: string) =>
    rig.cloud.observed.get(host.id)?.find(({ volumeId }) => volumeId === rig.cloud.volume(name).id);
  const isMounted = async (name: string): Promise<boolean> =>
    (await host.mountinfo()).includes(` ${join(host.root, 'volumes', name)} `);

  it('that hangs holds up nothing else, however many there are, and can be unmounted', async () => {
    const names = Array.from({ length: 6 }, (_, at) => `hung-${at}`);
    for (const name of names) await create(name, 'network');
    await writeFile(rig.efsHangs, '');
    for (const name of names) expect((await plugin('Mount', { Name: name, ID: name })).Err).toBe('');
    await rm(rig.efsHangs);
    await until('all are reported', () => names.every((name) => observed(name)?.mounted === true));

    await create('well', 'local');
    const mount = ['-v', 'well:/data', image, 'sh', '-c'];
    expect(await host.docker('run', '--rm', ...flags, ...mount, 'echo on >/data/x; cat /data/x')).toBe(
      'on\n',
    );
    const before = rig.cloud.countOf('sync');
    await until('the agent goes on telling', () => rig.cloud.countOf('sync') > before + 2);

    for (const name of names) expect((await plugin('Unmount', { Name: name, ID: name })).Err).toBe('');
    const areMounted = () => mapLimit(names, 2, isMounted);
    await until('all are unmounted', async () => !(await areMounted()).includes(true));
    expect((await plugin('Mount', { Name: 'hung-0', ID: 'anew' })).Err).toBe('');
    await until('it is measured', () => observed('hung-0')?.usage !== undefined, { within: 90_000 });
    expect((await plugin('Unmount', { Name: 'hung-0', ID: 'anew' })).Err).toBe('');
  });

  it('whose directory is gone fails in its container alone, and is there anew for the next one', async () => {
    await create('gone', 'network');
    await create('beside', 'network');
    const start = (name: string): Promise<string> =>
      host.docker('run', '-d', '--name', name, ...flags, '-v', `${name}:/data`, image, 'sleep', '600');
    const write = (name: string): Promise<string> =>
      host.docker('exec', name, 'sh', '-c', 'echo here >/data/x && cat /data/x');
    for (const name of ['gone', 'beside']) {
      await start(name);
      expect(await write(name)).toBe('here\n');
    }
    await rm(rig.efsDirectoryOf('gone'), { recursive: true });
    await expect(write('gone')).rejects.toThrow(/nonexistent directory|No such file/);
    expect(await write('beside')).toBe('here\n');

    await host.docker('rm', '-f', 'gone');
    await until('it is unmounted', async () => !(await isMounted('gone')));
    await start('gone');
    expect(await write('gone')).toBe('here\n');
    for (const name of ['gone', 'beside']) await host.docker('rm', '-f', name);
    await until('nothing is mounted', async () => !(await isMounted('gone')) && !(await isMounted('beside')));
  });
});
