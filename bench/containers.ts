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

const ours = ['-d', 'hivemind', '-o', 'size=1G'];
const localDriver = 'Docker’s local driver';
const runTime = (host: OnHost, volume: string): Promise<number> =>
  milliseconds(() => host(...run(`-v ${volume}:/data`, 'true')));

/** While `work` runs, a container uses the volume. */
export async function whileUsed<T>(host: OnHost, volume: string, work: () => Promise<T>): Promise<T> {
  const command = ['run', '-d', '--network', 'none', '-v', `${volume}:/data`, 'busybox', 'sleep', '3600'];
  const holder = (await host('docker', ...command)).trim();
  try {
    return await work();
  } finally {
    await host('docker', 'rm', '-f', holder);
  }
}

/** `docker run` with a volume of ours, beside Docker's local driver: used by another container already, idle, and new. */
export async function dockerRun(host: OnHost): Promise<Comparison[]> {
  await host('docker', 'volume', 'create', ...ours, 'bench-run');
  await host('docker', 'volume', 'create', 'bench-run-local');
  const compare = (what: string): Promise<Comparison> =>
    sideBySide({
      what,
      against: localDriver,
      unit: 'ms',
      runs: 10,
      ours: () => runTime(host, 'bench-run'),
      theirs: () => runTime(host, 'bench-run-local'),
    });
  const idle = await compare('`docker run`, attached and idle volume: mounts and unmounts');
  const used = await whileUsed(host, 'bench-run', () => compare('`docker run`, volume mounted already'));
  return [used, idle, await firstMount(host)];
}

function firstMount(host: OnHost): Promise<Comparison> {
  let made = 0;
  const fresh = async (...options: string[]): Promise<number> => {
    const name = `bench-fresh-${++made}`;
    await host('docker', 'volume', 'create', ...options, name);
    return runTime(host, name);
  };
  return sideBySide({
    what: '`docker run`, first mount of a new volume: attaches, formats, mounts and unmounts',
    against: `${localDriver}, a new volume too`,
    unit: 'ms',
    runs: 5,
    ours: () => fresh(...ours),
    theirs: () => fresh(),
  });
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
