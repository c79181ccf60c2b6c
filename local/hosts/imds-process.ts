import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ImdsConfig } from '#local/imds/config.ts';
import { bundleOf, hostPaths, nodeOf } from './cloud.ts';
import type { HostCloud } from './cloud.ts';
import { launch, waitFor } from './exec.ts';
import { writeJson } from './host-file.ts';
import type { HostRecord } from './host-file.ts';
import { isAlive, kill, onlyChild } from './processes.ts';
import type { ProcessRef } from './processes.ts';
import type { Subnet } from './subnets.ts';

/** EC2's own address: SDKs find it without being told. */
export const IMDS_ENDPOINT = 'http://169.254.169.254';

/** The host role among the outputs of the stack; undefined before there is a stack. */
export function hostRole(cloud: HostCloud): { name: string; arn: string } | undefined {
  const arn = Object.entries(cloud.stack ?? {}).find(([key]) => /HostRoleArn/i.test(key))?.[1];
  return arn ? { arn, name: arn.slice(arn.lastIndexOf('/') + 1) } : undefined;
}

/** Tags of a host's instance: its name, and the namespace whose volumes it serves. */
export function hostTags(name: string, namespace: string | undefined = 'default'): Record<string, string> {
  return { Name: name, 'hivemind:host-namespace': namespace };
}

/** Settings of the endpoint of a host; for this machine's own host `listen` is on 127.0.0.1. */
export function imdsConfig(
  cloud: HostCloud,
  host: Pick<HostRecord, 'name' | 'instanceId' | 'instanceType' | 'zone' | 'namespace'>,
  where: { listen: ImdsConfig['listen']; privateIp: string; stsEndpoint: string },
): ImdsConfig {
  const role = hostRole(cloud);
  return {
    listen: where.listen,
    readyFile: join(hostPaths(cloud.home, host.name).dir, 'imds.ready'),
    instance: {
      instanceId: host.instanceId,
      instanceType: host.instanceType,
      availabilityZone: host.zone,
      region: cloud.region,
      account: cloud.account,
      privateIp: where.privateIp,
      startedAt: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
      tags: hostTags(host.name, host.namespace),
    },
    ...(role ? { role } : {}),
    sts: { endpoint: where.stsEndpoint, durationSeconds: 3600 },
  };
}

/**
 * Starts the endpoint of a host in the host's network, so that no other host reaches it, and in its pid namespace, so
 * that it ends with the host; not in its cgroup, since a frozen machine's IMDS is not frozen.
 */
export async function startImds(cloud: HostCloud, host: HostRecord, net: Subnet): Promise<ProcessRef> {
  if (isAlive(host.imds)) return host.imds;
  const paths = hostPaths(cloud.home, host.name);
  const config = imdsConfig(cloud, host, {
    listen: { address: '169.254.169.254', port: 80 },
    privateIp: net.address,
    stsEndpoint: `http://${net.gateway}:${cloud.ports.aws}`,
  });
  writeJson(paths.imdsConfig, config);
  const ready = config.readyFile ?? '';
  rmSync(ready, { force: true });
  const enter = ['nsenter', '-t', String(host.init?.pid), '-n', '-p', '--'];
  const serve = [nodeOf(cloud.home), bundleOf(cloud.home, 'imds'), '--config', paths.imdsConfig];
  const parent = await launch([...enter, ...serve], join(paths.log, 'imds.log'), {
    PATH: process.env['PATH'],
  });
  const imds = await onlyChild(parent, `IMDS of ${host.name}`);
  await waitFor(`IMDS of ${host.name} listens (its log is in ${paths.log})`, () => existsSync(ready), {
    within: 120_000,
  });
  return imds;
}

/** Ends the endpoint of a host. */
export function stopImds(host: HostRecord): Promise<void> {
  return kill(host.imds);
}
