import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '#local/hosts/exec.ts';
import { sideBySide, type Comparison } from './measure.ts';
import type { OnHost } from './containers.ts';

interface FioReport {
  readonly jobs: readonly {
    readonly read: { readonly bw: number };
    readonly write: { readonly bw: number };
  }[];
}

const workloads = [
  { name: 'sequential write 1 MiB', rw: 'write', bs: '1M', field: 'write' },
  { name: 'sequential read 1 MiB', rw: 'read', bs: '1M', field: 'read' },
  { name: 'random write 4 KiB, fsync every 32', rw: 'randwrite', bs: '4k', field: 'write' },
  { name: 'random read 4 KiB', rw: 'randread', bs: '4k', field: 'read' },
] as const;

function fio(dir: string, { rw, bs }: (typeof workloads)[number]): string[] {
  const fsync = rw === 'randwrite' ? ['--fsync=32'] : ['--end_fsync=1'];
  return [
    'fio',
    '--name=bench',
    `--filename=${join(dir, 'fio.dat')}`,
    '--size=128M',
    `--rw=${rw}`,
    `--bs=${bs}`,
    '--runtime=4',
    '--ioengine=psync',
    '--direct=0',
    ...fsync,
    '--output-format=json',
  ];
}

/**
 * fio on a mounted volume's data directory beside fio on raw ext4 over a loop device of the same disk, made for the
 * comparison: what our bind mount and data directory cost.
 */
export async function volumeIo(host: OnHost, scratch: string): Promise<Comparison[]> {
  await host('docker', 'volume', 'create', '-d', 'hivemind', 'bench-io', '-o', 'size=1G');
  const holder = await host(
    'docker',
    'run',
    '-d',
    '--network',
    'none',
    '-v',
    'bench-io:/data',
    'busybox',
    'sleep',
    '3600',
  );
  const [image, raw] = [join(scratch, 'raw.img'), join(scratch, 'raw')];
  mkdirSync(raw, { recursive: true });
  await run('truncate', ['-s', '1G', image]);
  await run('mkfs.ext4', ['-q', image]);
  const loop = (await run('losetup', ['-f', '--show', image])).trim();
  await run('mount', [loop, raw]);
  const bandwidth = (text: string, field: 'read' | 'write'): number =>
    ((JSON.parse(text.slice(text.indexOf('{'))) as FioReport).jobs[0]?.[field].bw ?? NaN) / 1024;
  const rows: Comparison[] = [];
  try {
    for (const load of workloads) {
      rows.push(
        await sideBySide({
          what: `fio ${load.name}, hivemind volume`,
          against: 'raw ext4 on a loop device of the same disk',
          unit: 'MiB/s',
          runs: 3,
          ours: async () =>
            bandwidth(await host(...fio('/var/lib/hivemind/volumes/bench-io', load)), load.field),
          theirs: async () =>
            bandwidth(await run(fio(raw, load)[0] ?? 'fio', fio(raw, load).slice(1)), load.field),
        }),
      );
    }
  } finally {
    await run('umount', [raw]);
    await run('losetup', ['-d', loop]);
    rmdirSync(raw);
    await host('docker', 'rm', '-f', holder.trim());
  }
  return rows;
}
