import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { insideOf, type Machine } from '#local/hosts/machine.ts';
import { run } from '#local/hosts/exec.ts';
import { onHost, type OnHost } from '../containers.ts';
import { s3AsSeenBy } from './bucket.ts';

/** Where backups are measured: a host, the CLI, volumes that a container holds or nobody does. */
export interface Stage {
  readonly home: string;
  readonly host: OnHost;
  /** A folder of the host's disk for archives and repositories; no volume. */
  readonly scratch: string;
  /** S3 as the host reaches it: `http://…`. */
  readonly s3: string;
  /** `hivemind …`; gives what it printed. */
  hivemind(...args: string[]): Promise<string>;
  /** Makes a volume of 2 GiB on the host. */
  create(volume: string): Promise<void>;
  /** Deletes a volume for good. */
  remove(volume: string): Promise<void>;
  /** While `work` runs, a container uses the volume. */
  whileUsed<T>(volume: string, work: () => Promise<T>): Promise<T>;
  /** Its files as the host sees them while a container holds it. */
  pathOf(volume: string): string;
  /** The same as this process sees them. */
  seenFrom(volume: string): string;
}

export function stageOn(home: string, machine: Machine): Stage {
  const host = onHost(machine);
  const scratch = join(machine.paths.dir, 'bench-backups');
  mkdirSync(scratch, { recursive: true });
  const hivemind = (...args: string[]): Promise<string> =>
    run(join(home, 'bin', 'hivemind'), args, {
      timeout: 600_000,
      env: { HOME: join(home, 'cli'), XDG_CONFIG_HOME: '' },
    });
  const pathOf = (volume: string): string => `/var/lib/hivemind/volumes/${volume}`;
  return {
    home,
    host,
    scratch,
    s3: s3AsSeenBy(machine),
    hivemind,
    create: async (volume) => {
      await hivemind('volume', 'create', volume, '--size', '2G', '--zone', machine.record.zone, '--wait');
    },
    remove: async (volume) => {
      await hivemind('volume', 'delete', volume, '--purge', '--yes', '--force', '--wait');
    },
    whileUsed: async (volume, work) => {
      const args = `run -d --network none -v ${volume}:/data --volume-driver hivemind busybox sleep 36000`;
      const container = (await host('docker', ...args.split(' '))).trim();
      try {
        return await work();
      } finally {
        await host('docker', 'rm', '-f', container);
      }
    },
    pathOf,
    seenFrom: (volume) => join(`/proc/${insideOf(machine).init.pid}/root`, pathOf(volume)),
  };
}
