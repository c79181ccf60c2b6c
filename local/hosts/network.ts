import { existsSync, writeFileSync } from 'node:fs';
import { attempt, run, waitFor } from './exec.ts';
import type { Subnet } from './subnets.ts';

/** Ports of the machine's loopback that a host reaches, both at its gateway and at its own 127.0.0.1. */
export type Ports = readonly number[];

/** Whether packets can be steered; without it a TCP forwarder serves, which hides the host's own address. */
export async function hasIptables(): Promise<boolean> {
  try {
    return (await attempt('iptables', ['--wait', '5', '-t', 'nat', '-S'])).exitCode === 0;
  } catch {
    return false;
  }
}

/** Makes the veth pair, one end in the network namespace of `pid`. An older pair of that name goes first. */
export async function connect(net: Subnet, pid: number): Promise<void> {
  await removeLink(net);
  await run('ip', ['link', 'add', net.link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pid)]);
  await run('ip', ['address', 'add', `${net.gateway}/30`, 'dev', net.link]);
  await run('ip', ['link', 'set', net.link, 'up']);
}

/** Removes the pair; none is fine. The kernel takes it along with the host's namespace, at a moment of its own. */
export async function removeLink(net: Subnet): Promise<void> {
  const exists = (): boolean => existsSync(`/sys/class/net/${net.link}`);
  if (exists()) await attempt('ip', ['link', 'delete', net.link]);
  await waitFor(`${net.link} is gone`, () => !exists());
}

const tagged = (tag: string): string[] => ['-m', 'comment', '--comment', tag];

const iptables = (...args: readonly string[]): string[] => ['iptables', '--wait', '10', ...args];

const tcp = (port: number): string[] => ['-p', 'tcp', '--dport', String(port)];

/** Lets the host reach the machine's loopback ports at its gateway; the machine sees each host's own address. */
export async function openPorts(net: Subnet, tag: string, ports: Ports): Promise<void> {
  await removeRules(tag);
  writeFileSync(`/proc/sys/net/ipv4/conf/${net.link}/route_localnet`, '1');
  for (const port of ports) {
    const match = ['-i', net.link, '-d', net.gateway, ...tcp(port), ...tagged(tag)];
    const [file = '', ...args] = iptables('-t', 'nat', '-A', 'PREROUTING', ...match);
    await run(file, [...args, '-j', 'DNAT', '--to-destination', `127.0.0.1:${port}`]);
    // A machine whose firewall refuses what comes in by default lets its own hosts in.
    const arriving = ['-i', net.link, '-d', '127.0.0.1', ...tcp(port), ...tagged(tag)];
    const [filter = '', ...accept] = iptables('-I', 'INPUT', ...arriving, '-j', 'ACCEPT');
    await run(filter, accept);
  }
}

/**
 * Commands that, inside the host, lead its own 127.0.0.1 to the machine's for those ports: a configuration or a queue's
 * URL that names the loopback means the same cloud on every host.
 */
export function loopbackCommands(net: Subnet, ports: Ports): string[][] {
  const leadOut = ports.map((port) => {
    const target = ['-j', 'DNAT', '--to-destination', `${net.gateway}:${port}`];
    return iptables('-t', 'nat', '-A', 'OUTPUT', '-d', '127.0.0.1', ...tcp(port), ...target);
  });
  const ownAddress = ['-o', 'eth0', '-s', '127.0.0.1', '-j', 'SNAT', '--to-source', net.address];
  return [
    ['sh', '-c', 'echo 1 >/proc/sys/net/ipv4/conf/eth0/route_localnet'],
    ...leadOut,
    iptables('-t', 'nat', '-A', 'POSTROUTING', ...ownAddress),
  ];
}

const dropTag = (tag: string): string => `${tag}-drop`;

/** Drops all that comes from the host without an answer: calls time out instead of being refused. */
export async function dropAll(net: Subnet, tag: string): Promise<void> {
  const [file = '', ...args] = iptables('-I', 'INPUT', '-i', net.link, ...tagged(dropTag(tag)), '-j', 'DROP');
  await run(file, args);
}

/** Ends {@link dropAll}; none is fine. */
export function dropNothing(tag: string): Promise<void> {
  return removeTagged(dropTag(tag), ['filter']);
}

/** Deletes exactly the rules of a host; where there is no iptables there are none. */
export async function removeRules(tag: string): Promise<void> {
  await removeTagged(tag, ['nat', 'filter']);
  await dropNothing(tag);
}

async function removeTagged(tag: string, tables: readonly string[]): Promise<void> {
  if (!(await hasIptables())) return;
  for (const table of tables) {
    const rules = await run('iptables', ['--wait', '10', '-t', table, '-S']);
    for (const rule of rules.split('\n')) {
      const words = rule.split(' ').map((word) => word.replaceAll('"', ''));
      if (words[0] !== '-A' || words[words.indexOf('--comment') + 1] !== tag) continue;
      await run('iptables', ['--wait', '10', '-t', table, '-D', ...words.slice(1)]);
    }
  }
}

/** Takes the cable out, or puts it back. */
export async function setLink(net: Subnet, up: boolean): Promise<void> {
  await run('ip', ['link', 'set', net.link, up ? 'up' : 'down']);
}
