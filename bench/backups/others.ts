import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { objectsIn, rootKeys } from './bucket.ts';
import type { Stage } from './stage.ts';

/** What others would use: runs on the host, from the same files. */
export interface Other {
  readonly name: string;
  /** Makes room; not measured. */
  prepare(): Promise<void>;
  /** All files of a directory into a store, which is empty the first time after `prepare`. */
  backup(directory: string): Promise<void>;
  /** Back into an empty directory, and to the disk, as ours does. */
  restore(directory: string): Promise<void>;
  /** MiB of the archive or the repository. */
  size(): Promise<number>;
}

const files = '--exclude=./lost+found .';

async function sizeOnDisk(stage: Stage, path: string): Promise<number> {
  return Number((await stage.host('du', '-s', '-B1', path)).split('\t')[0]) / 2 ** 20;
}

/** tar through a compressor, to a file on the host's disk. */
function tarThrough(stage: Stage, compressor: string): Other {
  const store = join(stage.scratch, `plain.tar.${compressor}`);
  const shell = (script: string): Promise<string> => stage.host('bash', '-o', 'pipefail', '-ec', script);
  return {
    name: `\`tar \\| ${compressor}\``,
    prepare: async () => {
      await stage.host('rm', '-f', store);
    },
    backup: async (directory) => {
      await shell(`tar -C ${directory} -cf - ${files} | ${compressor} -c >${store}`);
    },
    restore: async (directory) => {
      await shell(`${compressor} -dc <${store} | tar -C ${directory} -xpf - && sync -f ${directory}`);
    },
    size: () => sizeOnDisk(stage, store),
  };
}

/** Where restic alone keeps a repository. */
interface Kept {
  readonly name: string;
  /** A place with nothing in it. */
  fresh(): Promise<string>;
  size(repository: string): Promise<number>;
}

/** restic alone. */
function plainRestic(stage: Stage, kept: Kept): Other {
  let repository = '';
  const keys = [
    `AWS_ACCESS_KEY_ID=${rootKeys.accessKeyId}`,
    `AWS_SECRET_ACCESS_KEY=${rootKeys.secretAccessKey}`,
  ];
  const command = ['restic', '--quiet', '--no-cache'];
  const restic = (...args: string[]): Promise<string> =>
    stage.host('env', 'RESTIC_PASSWORD=bench', ...keys, ...command, '--repo', repository, ...args);
  return {
    name: kept.name,
    prepare: async () => {
      repository = await kept.fresh();
      await restic('init');
    },
    backup: async (directory) => {
      await restic('backup', '--exclude', join(directory, 'lost+found'), directory);
    },
    restore: async (directory) => {
      await restic('restore', 'latest', '--target', directory);
      await stage.host('sync', '-f', directory);
    },
    size: () => kept.size(repository),
  };
}

function onDisk(stage: Stage): Kept {
  const store = join(stage.scratch, 'plain.restic');
  return {
    name: '`restic` to the disk',
    fresh: async () => {
      await stage.host('rm', '-rf', store);
      return store;
    },
    size: (repository) => sizeOnDisk(stage, repository),
  };
}

/** In the S3 that ours goes to. */
function inS3(stage: Stage): Kept {
  const bucket = 'bench-restic';
  let prefix = '';
  return {
    name: '`restic` to the same S3',
    fresh: () => {
      prefix = randomUUID();
      return Promise.resolve(`s3:${stage.s3}/${bucket}/${prefix}`);
    },
    size: () => objectsIn(stage.home, { bucket, prefix: `${prefix}/` }),
  };
}

export interface Others {
  readonly gzip: Other;
  readonly zstd: Other;
  readonly restic: Other;
  readonly resticS3: Other;
}

export function othersOn(stage: Stage): Others {
  return {
    gzip: tarThrough(stage, 'gzip'),
    zstd: tarThrough(stage, 'zstd'),
    restic: plainRestic(stage, onDisk(stage)),
    resticS3: plainRestic(stage, inS3(stage)),
  };
}
