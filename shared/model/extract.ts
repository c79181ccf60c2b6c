import * as z from 'zod';
import { textToPath, type BytePath } from './byte-path.ts';
import { ProductError } from './errors.ts';
import { HostId } from './names.ts';

/** Reading single files and directories of a backup, without restoring it. */

/** Of a path, in bytes; the kernel's own limit. */
const longestPath = 4096;
const longestName = 255;

/** Below the volume's root, as `browse` shows it: `db/data.sql`. Judged by {@link parseBackupPath}. */
const BackupPath = z
  .string()
  .max(2 * longestPath)
  .meta({
    description:
      'Below the volume’s root; `base64:` and the bytes where it is no UTF-8. Empty: the root itself',
    example: 'db/data.sql',
  });

const host = HostId.optional().meta({
  description: 'The host that reads; default: a running one, in the volume’s own zone where there is one',
});

export const BrowseBackup = z
  .strictObject({ path: BackupPath.default(''), host })
  .meta({ id: 'BrowseBackup' });
export type BrowseBackup = z.infer<typeof BrowseBackup>;

export const ExtractBackup = z.strictObject({ path: BackupPath, host }).meta({ id: 'ExtractBackup' });
export type ExtractBackup = z.infer<typeof ExtractBackup>;

/** What is read: the names in one directory, or what is there itself. */
export const ReadForm = z.enum(['listing', 'content']);
export type ReadForm = z.infer<typeof ReadForm>;

/** What the host sent: `listing` a {@link ListedEntry} as JSON on each line; `file` the file as it is; `archive` a tar.gz. */
export const SentForm = z.enum(['listing', 'file', 'archive']);
export type SentForm = z.infer<typeof SentForm>;

export const listedKinds = ['file', 'directory', 'symlink', 'other'] as const;

/** One name in a directory of a backup. */
export const ListedEntry = z.strictObject({
  /** UTF-8, or `base64:` and the bytes where it is none. */
  name: z.string().max(1024),
  /** From the volume's root; likewise. What `extract` takes. */
  path: z.string().max(2 * longestPath),
  kind: z.enum(listedKinds),
  /** Bytes. */
  size: z.number().min(0),
  uid: z.int().min(0),
  gid: z.int().min(0),
  /** Permission bits, octal. */
  mode: z.string().regex(/^[0-7]{4}$/),
  modifiedAt: z.iso.datetime(),
  /** Of a symlink. */
  target: z
    .string()
    .max(2 * longestPath)
    .optional(),
});
export type ListedEntry = z.infer<typeof ListedEntry>;

/** More names than any directory that people look at; one with more is told as cut. */
export const mostListed = 200_000;

/**
 * The names that a path in a backup consists of, each character one byte; none for the root.
 * @throws ProductError PathRefused for what is absolute, leads upwards, or no kernel takes.
 */
export function parseBackupPath(text: string): BytePath[] {
  const path = textToPath(text);
  if (path.startsWith('/'))
    throw refused(text, 'is absolute', 'Paths begin at the volume’s root: db/data.sql, not /db/data.sql.');
  if (path.includes('\0')) throw refused(text, 'has a zero byte in it');
  if (path.length > longestPath) throw refused(text, `has more than ${longestPath} bytes`);
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  if (names.includes('..')) throw refused(text, 'leads upwards'); // guard: extract-no-parent
  if (names.some((name) => name.length > longestName))
    throw refused(text, `has a name of more than ${longestName} bytes`);
  return names;
}

function refused(
  text: string,
  why: string,
  hint = 'See what is there: hivemind backup browse.',
): ProductError {
  return new ProductError('PathRefused', `The path ${why}.`, {
    value: text.slice(0, 256),
    allowed: 'a path below the volume’s root, without ".."',
    hint,
  });
}
