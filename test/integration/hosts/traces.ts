import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '#local/hosts/exec.ts';
import { mountsOf } from '#local/hosts/namespaces.ts';

const matching = (text: string, needle: string): string[] =>
  text.split('\n').filter((line) => line.includes(needle));

function cgroupsOf(prefix: string): string[] {
  return readdirSync('/sys/fs/cgroup')
    .map((hierarchy) => join('/sys/fs/cgroup', hierarchy))
    .flatMap((path) =>
      path.includes(prefix) ? [path] : listing(path).filter((name) => name.startsWith(prefix)),
    );
}

function listing(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function processesOf(home: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .flatMap((pid) => {
      try {
        return matching(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '), home);
      } catch {
        return [];
      }
    });
}

/** Everything on this machine that belongs to the hosts of one cloud; empty when all of them are removed. */
export async function tracesOf(home: string, links: readonly string[] = []): Promise<string[]> {
  const prefix = `hivemind-${createHash('sha256').update(home).digest('hex').slice(0, 8)}`;
  return [
    ...matching(await run('iptables-save', []), prefix),
    ...cgroupsOf(prefix),
    ...mountsOf('self').flatMap(({ path }) => (path.startsWith(home) ? [path] : [])),
    ...processesOf(home),
    ...matching(await run('losetup', ['--list', '--noheadings', '--output', 'NAME,BACK-FILE']), home),
    ...links.filter((link) => existsSync(`/sys/class/net/${link}`)),
    ...listing('/run/hivemind-hosts').filter((name) =>
      readFileSync(join('/run/hivemind-hosts', name), 'utf8').startsWith(home),
    ),
  ];
}
