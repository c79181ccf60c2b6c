import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { hostEnvironment } from '#local/hosts/agent.ts';
import { insideOf, type Machine } from '#local/hosts/machine.ts';
import { runInside } from '#local/hosts/namespaces.ts';
import { milliseconds, sideBySide, type Comparison } from './measure.ts';

/** Runs a command on a host of the local cloud; throws with what it said unless it succeeds. */
export type OnHost = (...argv: string[]) => Promise<string>;

export function onHost(machine: Machine): OnHost {
  return (...argv) => runInside(insideOf(machine), argv, { env: hostEnvironment(machine), timeout: 300_000 });
}

const run = (volume: string, command: string): string[] => [
  'docker',
  'run',
  '--rm',
  '--network',
  'none',
  ...volume.split(' ').filter(Boolean),
  'busybox',
  'sh',
  '-c',
  command,
];

/** `docker run` with a volume of ours, beside Docker's local driver: mounted by another container already, and first mount. */
export async function dockerRun(host: OnHost): Promise<Comparison[]> {
  await host('docker', 'volume', 'create', '-d', 'hivemind', 'bench-run', '-o', 'size=1G');
  await host('docker', 'volume', 'create', 'bench-run-local');
  const time = (volume: string): Promise<number> =>
    milliseconds(() => host(...run(`-v ${volume}:/data`, 'true')));
  const against = 'Docker’s local driver';
  const first = await sideBySide({
    what: '`docker run`, attached and idle volume: mounts and unmounts',
    against,
    unit: 'ms',
    runs: 10,
    ours: () => time('bench-run'),
    theirs: () => time('bench-run-local'),
  });
  const holder = await host(
    'docker',
    'run',
    '-d',
    '--network',
    'none',
    '-v',
    'bench-run:/data',
    'busybox',
    'sleep',
    '3600',
  );
  const mounted = await sideBySide({
    what: '`docker run`, volume mounted already',
    against,
    unit: 'ms',
    runs: 10,
    ours: () => time('bench-run'),
    theirs: () => time('bench-run-local'),
  });
  await host('docker', 'rm', '-f', holder.trim());
  return [mounted, first];
}

const dd = 'dd if=/dev/zero of=/data/test bs=1M count=100 conv=fsync 2>/dev/null && rm /data/test';

/** 100 MiB written by `dd` in a container: ours beside Docker's local volume, a bind mount and tmpfs. */
export async function ddComparison(host: OnHost, dir: string): Promise<Comparison[]> {
  mkdirSync(join(dir, 'bench-bind'), { recursive: true });
  await host('docker', 'volume', 'create', '-d', 'hivemind', 'bench-dd', '-o', 'size=1G');
  await host('docker', 'volume', 'create', 'bench-dd-local');
  const others = [
    ['a named volume of Docker’s local driver', '-v bench-dd-local:/data'],
    ['a bind mount', `-v ${join(dir, 'bench-bind')}:/data`],
    ['tmpfs', '--tmpfs /data:size=200M'],
  ] as const;
  const time = (volume: string): Promise<number> => milliseconds(() => host(...run(volume, dd)));
  const rows: Comparison[] = [];
  for (const [against, volume] of others) {
    rows.push(
      await sideBySide({
        what: '100 MiB `dd` with fsync to a hivemind volume',
        against,
        unit: 'ms',
        runs: 5,
        ours: () => time('-v bench-dd:/data'),
        theirs: () => time(volume),
      }),
    );
  }
  return rows;
}
