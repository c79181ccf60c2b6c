import { chmod, chown, mkdir, readFile, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { ArchiveMetadata } from '#shared/model/archive.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { Exec } from '#agent/host/exec.ts';
import { isThere, moveAll, moveOut, sync } from './exchange.ts';
import { reservedNames, stagingName } from './reserved.ts';

/*
 * TARGET/.hivemind-unpack/   mode 0700, on the target's own filesystem (a network volume has nothing beside its root)
 *   root/      root of the process that unpacks, empty outside its mount namespace
 *   tree/      what the archive holds
 *   landing    written when the tree is whole and on disk: from then on it is only rolled forward
 *   leaving/, old/   of a landing that replaces what is there: see exchange.ts
 *
 * A landing that is complete leaves its record until clearUnpack(), so that whoever is killed before it could report does
 * not unpack twice.
 */

export interface UnpackResult {
  /** Regular files and hard links. */
  readonly files: number;
  readonly directories: number;
  readonly symlinks: number;
  /** Bytes of data in files; holes do not count. */
  readonly bytes: number;
  /** Of the tar.gz, hex. */
  readonly sha256: string;
  readonly compressedBytes: number;
  /** What the archive says about its volume; null for one made elsewhere. */
  readonly metadata: ArchiveMetadata | null;
  /** What could not be kept, in words, such as attributes that this filesystem does not have. */
  readonly warnings: readonly string[];
}

/** An unpacking that is complete. */
export interface Landed {
  /** Whose it was: {@link UnpackOptions.id}. */
  readonly id: string;
  readonly result: UnpackResult;
}

const LandingRecord = z.strictObject({
  id: z.string(),
  /** The root's modification time in nanoseconds; the moves change it. */
  mtime: z.string().regex(/^-?\d+$/),
  /** What the target holds goes first. */
  replace: z.boolean().optional(),
  result: z.strictObject({
    files: z.int(),
    directories: z.int(),
    symlinks: z.int(),
    bytes: z.int(),
    sha256: z.string(),
    compressedBytes: z.int(),
    metadata: ArchiveMetadata.nullable(),
    warnings: z.array(z.string()),
  }),
});
type LandingRecord = z.infer<typeof LandingRecord>;

const slow = { timeoutMs: 3_600_000 };
const folderOf = (target: string): string => join(target, stagingName);

export interface Staging {
  /** The folder that holds `root` and `tree`. */
  readonly folder: string;
  /** Changes nothing. Rejects when something has come into a target that should be empty. */
  demandReady(): Promise<void>;
  /** Moves the tree into the target. Finished by {@link settleUnpack} when it was interrupted. */
  land(landed: Landed): Promise<void>;
  /** Removes what was unpacked. */
  discard(): Promise<void>;
}

/**
 * Begins to unpack into an empty directory, or in place of what is in it; {@link settleUnpack} has been called for it.
 * @throws ProductError IllegalState when something is in it already (`lost+found` and our own aside); `land` throws
 *   PutBackError when what is there cannot be replaced.
 */
export async function openStaging(
  target: string,
  exec: Exec,
  { replace = false }: { readonly replace?: boolean } = {},
): Promise<Staging> {
  if (!replace) await demandEmpty(target);
  const folder = folderOf(target);
  await remove(folder, exec);
  await mkdir(folder, { mode: 0o700 });
  for (const name of ['root', 'tree']) await mkdir(join(folder, name), { mode: 0o700 });
  // An archive that says nothing about its root leaves the target's as it is.
  const { uid, gid, mode } = await stat(target);
  await chown(join(folder, 'tree'), uid, gid);
  await chmod(join(folder, 'tree'), mode & 0o7777);
  return {
    folder,
    demandReady: async () => {
      if (!replace) await demandEmpty(target);
    },
    land: async (landed) => {
      await exec.run('sync', ['--file-system', folder], slow);
      await finish(target, await writeRecord(folder, landed, replace), exec);
    },
    discard: async () => remove(folder, exec),
  };
}

/**
 * Settles what an unpacking that was killed has left in a target: one that had been found whole is landed, anything else is
 * removed. To be called before the target is used after a crash.
 * @returns the unpacking that is complete, until {@link clearUnpack}; undefined when there is none.
 */
export async function settleUnpack(target: string, exec: Exec): Promise<Landed | undefined> {
  const folder = folderOf(target);
  const record = await readRecord(folder);
  if (record === undefined) {
    await remove(folder, exec);
    return undefined;
  }
  if (await isThere(join(folder, 'tree'))) await finish(target, record, exec);
  else await remove(join(folder, 'old'), exec);
  return { id: record.id, result: record.result };
}

/** Removes the record of an unpacking that is complete, once it has been reported. */
export async function clearUnpack(target: string, exec: Exec): Promise<void> {
  const { mtimeNs } = await stat(target, { bigint: true });
  await remove(folderOf(target), exec);
  await setTime(target, mtimeNs, exec);
}

/** Names that are in a volume; what is not the user's does not count. */
export async function contentOf(target: string): Promise<string[]> {
  return (await readdir(target)).filter((name) => !reservedNames.includes(name));
}

async function demandEmpty(target: string): Promise<void> {
  const found = await contentOf(target);
  if (found.length === 0) return;
  const what = `An archive is unpacked into an empty volume; this one holds ${found.length} names.`;
  throw new ProductError('IllegalState', what, {
    value: found.slice(0, 3).join(', '),
    hint: 'Restore to a new volume, or in place (--yes), which keeps the old content as a backup first.',
  });
}

/** Whole or not there, also after a power loss. */
async function writeRecord(folder: string, { id, result }: Landed, replace: boolean): Promise<LandingRecord> {
  const { mtimeNs } = await stat(join(folder, 'tree'), { bigint: true });
  const record = LandingRecord.parse({ id, mtime: `${mtimeNs}`, result, ...(replace ? { replace } : {}) });
  const draft = join(folder, 'landing.new');
  await writeFile(draft, `${JSON.stringify(record)}\n`, { flush: true });
  await rename(draft, join(folder, 'landing'));
  await sync(folder);
  return record;
}

async function readRecord(folder: string): Promise<LandingRecord | undefined> {
  const path = join(folder, 'landing');
  return (await isThere(path)) ? LandingRecord.parse(JSON.parse(await readFile(path, 'utf8'))) : undefined;
}

/** Each step may be repeated; the tree goes last, so that its absence says that all is done. */
async function finish(target: string, record: LandingRecord, exec: Exec): Promise<void> {
  const folder = folderOf(target);
  const tree = join(folder, 'tree');
  if (record.replace === true) await moveOut(target, folder, exec);
  await moveAll(tree, target);
  // Empty by now: what is left to copy is the root's own owner, mode and attributes.
  await exec.run('cp', ['--archive', '--attributes-only', '--no-target-directory', tree, target]);
  await setTime(target, BigInt(record.mtime), exec);
  await exec.run('sync', ['--file-system', target], slow);
  await remove(tree, exec);
  await remove(join(folder, 'old'), exec);
}

async function setTime(path: string, nanoseconds: bigint, exec: Exec): Promise<void> {
  const rest = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const whole = (nanoseconds - rest) / 1_000_000_000n;
  await exec.run('touch', ['--no-create', `--date=@${whole}.${String(rest).padStart(9, '0')}`, path]);
}

async function remove(folder: string, exec: Exec): Promise<void> {
  await exec.run('rm', ['-rf', '--one-file-system', '--', folder], slow);
}
