import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '#test/support/until.ts';
import { image, openDockerRig, type DockerHost, type DockerRig } from './support/docker-host.ts';
import { startPluginProxy, type PluginProxy } from './support/plugin-proxy.ts';

/** A hold stands for a minute before Docker's list counts against it. */
const aMinute = { within: 120_000, every: 500 };

describe('a Mount whose answer is lost', () => {
  let rig: DockerRig;
  let host: DockerHost;
  let proxy: PluginProxy;
  beforeAll(async () => {
    rig = await openDockerRig();
    host = await rig.addHost('i-0aaaaaaaaaaaaaaaa', { idleSeconds: 1, pluginSocket: '/run/agent.sock' });
    const listen = host.path('/run/docker/plugins/hivemind.sock');
    proxy = await startPluginProxy({ listen, agent: host.path('/run/agent.sock') });
  });
  afterAll(async () => {
    await proxy.close();
    await rig.close();
  });

  const isUsed = (name: string): boolean =>
    [...rig.cloud.volume(name).hosts.values()].some(({ inUse }) => inUse);
  const isMounted = async (name: string): Promise<boolean> =>
    (await host.mountinfo()).includes(` ${join(host.root, 'volumes', name)} `);
  const free = (name: string): Promise<boolean> =>
    until(`${name} is unmounted`, async () => !isUsed(name) && !(await isMounted(name)), aMinute);
  const flags = ['--network', 'none', '--stop-timeout', '1'];

  /** The agent mounts the volume for a container; Docker hears nothing, and the container does not start. */
  async function loseMount(name: string): Promise<void> {
    await host.docker('volume', 'create', '-d', 'hivemind', name);
    proxy.take();
    proxy.loseNext('Mount');
    const started = host.docker(
      'run',
      '-d',
      '--name',
      name,
      ...flags,
      '-v',
      `${name}:/data`,
      image,
      'sleep',
      '600',
    );
    await expect(started).rejects.toThrow(/An answer was lost on the way; start the container again/);
    const calls = proxy.take().filter(({ call }) => call === 'Mount' || call === 'Unmount');
    // What Docker does, and why the agent has to find out by itself: the repeat is empty, and nothing is unmounted.
    expect(calls.map(({ call, body, lost }) => [call, body === '', lost])).toEqual([
      ['Mount', false, true],
      ['Mount', true, false],
    ]);
    expect(calls[0]?.answer).toContain('"Err":""');
    expect(await isMounted(name)).toBe(true);
    expect(isUsed(name)).toBe(true);
  }

  it('is unmounted when its container is gone, though Docker never says so', async () => {
    await loseMount('unheard');
    await host.docker('rm', 'unheard');
    await free('unheard');
    expect(proxy.take().filter(({ call }) => call === 'Unmount')).toEqual([]);
    await host.docker('volume', 'rm', 'unheard');
    expect(rig.cloud.has('unheard')).toBe(false);
  });

  it('is asked for again by the next start, and unmounted when that container is gone', async () => {
    await loseMount('again');
    await host.docker('start', 'again');
    expect(await host.docker('exec', 'again', 'sh', '-c', 'echo here >/data/x; cat /data/x')).toBe('here\n');
    await host.docker('rm', '-f', 'again');
    await free('again');
  });
});
