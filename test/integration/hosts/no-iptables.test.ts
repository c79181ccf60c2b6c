import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { addHost, removeHost } from '#local/hosts/hosts.ts';
import { findMachine, insideOf } from '#local/hosts/machine.ts';
import { runInside } from '#local/hosts/namespaces.ts';
import { hasIptables } from '#local/hosts/network.ts';
import { hostTestCloud } from './host-cloud.ts';
import type { HostTestCloud } from './host-cloud.ts';
import { tracesOf } from './traces.ts';

let world: HostTestCloud;
const bin = mkdtempSync(join(tmpdir(), 'hivemind-bin-'));

/** A PATH with every tool of this machine but the firewall's. */
beforeAll(async () => {
  for (const dir of ['/usr/sbin', '/usr/bin', '/sbin', '/bin']) {
    for (const name of readdirSync(dir)) {
      const link = join(bin, name);
      if (!/tables|^nft$/.test(name) && !existsSync(link)) symlinkSync(join(dir, name), link);
    }
  }
  world = await hostTestCloud();
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await world.close();
  rmSync(bin, { recursive: true, force: true });
});

test('without iptables a forwarder leads a host to the cloud, and goes with the host', async () => {
  const { cloud } = world;
  vi.stubEnv('PATH', bin);
  expect(await hasIptables()).toBe(false);
  const { net } = await addHost(cloud, 'a', { agent: false, docker: false });
  for (const address of [net.gateway, '127.0.0.1']) {
    const url = `http://${address}:${cloud.ports.aws}/`;
    const curl = [
      'curl',
      '-sS',
      '--retry',
      '5',
      '--retry-connrefused',
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      url,
    ];
    expect(await runInside(insideOf(findMachine(cloud, 'a')), curl)).toBe('200');
  }
  await removeHost(cloud, 'a');
  vi.unstubAllEnvs();
  expect(await tracesOf(cloud.home, [net.link])).toEqual([]);
});
