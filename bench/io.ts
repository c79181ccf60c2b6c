import { join } from 'node:path';
import type { ApiClient } from '#shared/client/client.ts';
import { until } from '#test/support/until.ts';
import { whileUsed, type OnHost } from './containers.ts';
import { sideBySide, type Comparison } from './measure.ts';

/** Where it is measured: a host of the local cloud, and the API that attaches volumes to it. */
interface Site {
  readonly host: OnHost;
  readonly api: ApiClient;
  readonly instanceId: string;
}

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

/** A second volume, attached and never claimed by a container: formatted and mounted by hand, as without the product. */
async function rawExt4({ host, api, instanceId }: Site): Promise<string> {
  await host('docker', 'volume', 'create', '-d', 'hivemind', 'bench-raw', '-o', 'size=1G');
  const params = { namespace: 'default', name: 'bench-raw' } as const;
  await api.call('attachVolume', { params, body: { host: instanceId } });
  const device = await until('the raw volume is attached', async () => {
    const { storage } = (await api.call('getVolume', { params })).body;
    if (storage?.kind !== 'ebs') return undefined;
    const link = `/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${storage.volumeId.replace('-', '')}`;
    return (await host('sh', '-c', `test -b ${link} && echo ${link} || true`)).trim();
  });
  const dir = '/mnt/bench-raw';
  await host('mkfs.ext4', '-q', '-m', '0', device);
  await host('mkdir', '-p', dir);
  await host('mount', device, dir);
  return dir;
}

/** fio in a mounted volume's data directory beside fio on ext4 that a person made on a device of the same kind. */
export async function volumeIo(site: Site): Promise<Comparison[]> {
  const { host } = site;
  await host('docker', 'volume', 'create', '-d', 'hivemind', 'bench-io', '-o', 'size=1G');
  const raw = await rawExt4(site);
  const bandwidth = async (dir: string, load: (typeof workloads)[number]): Promise<number> => {
    const text = await host(...fio(dir, load));
    const { jobs } = JSON.parse(text.slice(text.indexOf('{'))) as FioReport;
    return (jobs[0]?.[load.field].bw ?? NaN) / 1024;
  };
  const compare = (load: (typeof workloads)[number]): Promise<Comparison> =>
    sideBySide({
      what: `fio ${load.name}, hivemind volume`,
      against: 'ext4 made and mounted by hand on another such volume',
      unit: 'MiB/s',
      runs: 5,
      ours: () => bandwidth('/var/lib/hivemind/volumes/bench-io', load),
      theirs: () => bandwidth(raw, load),
    });
  return whileUsed(host, 'bench-io', async () => {
    const rows: Comparison[] = [];
    for (const load of workloads) rows.push(await compare(load));
    await host('umount', raw);
    return rows;
  });
}
