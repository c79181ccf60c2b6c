import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToText } from '#shared/model/byte-path.ts';
import type { Export } from '#shared/model/archive-transfer.ts';
import { parseBackupPath } from '#shared/model/extract.ts';
import type { Context } from '../context.ts';
import { printResult } from '../render/result.ts';
import { roughly } from '../volume/archive-file.ts';
import { mayReplace } from '../volume/backup-to-file.ts';
import { fetchRead, readBackup, type ReadFlags } from './read.ts';

interface ExtractFlags extends ReadFlags {
  readonly output?: string | undefined;
  readonly overwrite?: true | undefined;
}

/** Fetches one file of a backup as it is, or one directory as a tar.gz. */
export async function extractBackup(
  context: Context,
  { backup, path }: { readonly backup: string; readonly path: string },
  flags: ExtractFlags,
): Promise<void> {
  const { output = '.' } = flags;
  const isFolder = await isDirectory(output);
  const wish = flags.overwrite === true;
  // Before anything is restored: whether the file may be there.
  const early = isFolder ? wish : await mayReplace(context, output, wish);
  const made = await readBackup(context, 'extractBackup', { backup, path, ...flags });
  const file = isFolder ? join(output, nameOf(made, path)) : output;
  const overwrite = isFolder ? await mayReplace(context, file, wish) : early;
  await fetchRead(context, made, { file, overwrite });
  const { sizeBytes = 0, sha256, operation, report } = made;
  const what = report?.form === 'file' ? 'a file' : `${report?.files ?? 0} files, as a tar.gz`;
  const result = { backup, path, file, sizeBytes, sha256, operation, report };
  printResult(context, result, `${path} of ${backup} is in ${file}: ${what}, ${roughly(sizeBytes)}.`);
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** The name that it has in the backup; of the root, the volume's. */
function nameOf({ volume, report }: Export, path: string): string {
  const own = parseBackupPath(path === '/' ? '' : path).at(-1);
  const name = own === undefined ? volume : pathToText(own).replaceAll('/', '_');
  return report?.form === 'file' ? name : `${name}.tar.gz`;
}
