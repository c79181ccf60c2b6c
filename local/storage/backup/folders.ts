import { mkdir, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../bytes/exec.ts';
import type { Cloud } from '../cloud.ts';
import { dataOf } from '../efs/folders.ts';

const uuidOf = (arn: string): string => arn.replace(/^.*:/, '');

/** Where a recovery point's files are. */
export const filesOf = (cloud: Cloud, arn: string): string => join(cloud.backupDir, uuidOf(arn));

/**
 * Copies a whole file system, file by file while it is in use: like AWS Backup's, the copy is no one point in time.
 * @returns bytes taken
 */
export async function copyOut(cloud: Cloud, fileSystemId: string, arn: string): Promise<number> {
  const target = filesOf(cloud, arn);
  await rm(`${target}.new`, { recursive: true, force: true });
  await mkdir(cloud.backupDir, { recursive: true });
  await copyTree(dataOf(cloud, fileSystemId), `${target}.new`);
  await rename(`${target}.new`, target);
  return Number((await run('du', ['--summarize', '--block-size=1', '--', target])).split('\t')[0]);
}

/** The files of a recovery point for another one. */
export async function copyPoint(cloud: Cloud, from: string, to: string): Promise<void> {
  const target = filesOf(cloud, to);
  await rm(`${target}.new`, { recursive: true, force: true });
  await rm(target, { recursive: true, force: true });
  await copyTree(filesOf(cloud, from), `${target}.new`);
  await rename(`${target}.new`, target);
}

/** Files that are removed while they are copied are not in the copy, which is no failure. */
async function copyTree(from: string, to: string): Promise<void> {
  const args = ['--archive', '--reflink=auto', '--no-target-directory', '--', from, to];
  await run('cp', args, { timeoutMs: 3_600_000 }).catch((error: unknown) => {
    const lines = String(error).split('\n').slice(1);
    if (lines.length === 0 || !lines.every((line) => line.endsWith('No such file or directory'))) throw error;
  });
}

/** What a restore puts where: items of the copy, or all of it, under one new directory at the file system's root. */
export interface Placing {
  readonly arn: string;
  readonly fileSystemId: string;
  readonly directory: string;
  readonly items: readonly string[];
}

/** Gives the items that the copy does not have. */
export async function copyIn(
  cloud: Cloud,
  { arn, fileSystemId, directory, items }: Placing,
): Promise<readonly string[]> {
  const from = filesOf(cloud, arn);
  const to = join(dataOf(cloud, fileSystemId), directory);
  await mkdir(to, { recursive: true });
  if (items.length === 0) {
    await copyTree(from, to);
    return [];
  }
  const lost: string[] = [];
  for (const item of items) {
    if (!(await isInside(from, join(from, item)))) lost.push(item);
    else {
      await mkdir(dirname(join(to, item)), { recursive: true });
      await copyTree(join(from, item), join(to, item));
    }
  }
  return lost;
}

/** Whether the path is there, and no link in it leads out of the copy. */
async function isInside(root: string, path: string): Promise<boolean> {
  const [real, top] = await Promise.all([realpath(path).catch(() => ''), realpath(root)]);
  return real === top || real.startsWith(`${top}/`);
}
