import { join } from 'node:path';
import type { Stage } from './stage.ts';

/** What others would use: runs on the host, from the same files, to the host's disk. */
export interface Other {
  readonly name: string;
  /** Makes room; not measured. */
  prepare(): Promise<void>;
  /** All files of a directory into a store, which is empty the first time after `prepare`. */
  backup(directory: string): Promise<void>;
  /** Back into an empty directory, and to the disk, as ours does. */
  restore(directory: string): Promise<void>;
  /** The archive or the repository. */
  readonly store: string;
}

const files = '--exclude=./lost+found .';

/** tar through a compressor, to a file. */
function tarThrough(stage: Stage, compressor: string): Other {
  const store = join(stage.scratch, `plain.tar.${compressor}`);
  const shell = (script: string): Promise<string> => stage.host('bash', '-o', 'pipefail', '-ec', script);
  return {
    name: `\`tar \\| ${compressor}\``,
    store,
    prepare: () => Promise.resolve(),
    backup: async (directory) => {
      await shell(`tar -C ${directory} -cf - ${files} | ${compressor} -c >${store}`);
    },
    restore: async (directory) => {
      await shell(`${compressor} -dc <${store} | tar -C ${directory} -xpf - && sync -f ${directory}`);
    },
  };
}

/** restic alone, to a repository on the disk. */
function plainRestic(stage: Stage): Other {
  const store = join(stage.scratch, 'plain.restic');
  const restic = (...args: string[]): Promise<string> =>
    stage.host('env', 'RESTIC_PASSWORD=bench', 'restic', '--quiet', '--no-cache', '--repo', store, ...args);
  return {
    name: '`restic`',
    store,
    prepare: async () => {
      await stage.host('rm', '-rf', store);
      await restic('init');
    },
    backup: async (directory) => {
      await restic('backup', '--exclude', join(directory, 'lost+found'), directory);
    },
    restore: async (directory) => {
      await restic('restore', 'latest', '--target', directory);
      await stage.host('sync', '-f', directory);
    },
  };
}

export function othersOn(stage: Stage): readonly [gzip: Other, zstd: Other, restic: Other] {
  return [tarThrough(stage, 'gzip'), tarThrough(stage, 'zstd'), plainRestic(stage)];
}
