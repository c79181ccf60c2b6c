import { dirname } from 'node:path';
import { ProductError } from '#shared/model/errors.ts';
import { mountedAt, type MountEntry } from '#agent/host/mounts.ts';

/** A filesystem that must go on writing: frozen, it would take the host with it. */
export interface Spared {
  /** For people: "this host's root (/)". */
  readonly what: string;
  /** "MAJ:MIN", by stat(2). */
  readonly device: string;
}

/** A directory that was opened, and what the kernel says of it. */
export interface Opened {
  readonly path: string;
  /** "MAJ:MIN" of the open descriptor. */
  readonly device: string;
}

export interface FreezeRules {
  /** ROOT/mounts: the filesystem of each volume is mounted there under its id. */
  readonly stages: string;
  readonly spared: readonly Spared[];
}

/** The driver's own; others either cannot freeze or are not one host's. */
const filesystems = ['ext4', 'xfs'];

/**
 * Judges by device numbers and the kernel's mount table, never by what a path looks like.
 * @returns the mount that may be frozen.
 * @throws PathRefused naming what it is instead of a volume's own mount.
 */
export function freezable(
  { path, device }: Opened,
  { stages, spared }: FreezeRules,
  entries: readonly MountEntry[],
): MountEntry {
  const needed = spared.find((one) => one.device === device);
  if (needed !== undefined) throw refused(path, `it is on the filesystem of ${needed.what}`); // guard: freeze-not-root
  const entry = mountedAt(entries, path);
  if (entry === undefined || entry.device !== device) throw refused(path, 'no filesystem is mounted there');
  if (dirname(path) !== stages || entry.root !== '/')
    throw refused(path, `it is not a volume's own mount, ${stages}/ID`);
  if (!filesystems.includes(entry.fstype)) throw refused(path, `it is ${entry.fstype}`);
  const elsewhere = entries.find(
    (other) => other.device === device && other.root === '/' && other.mountpoint !== path,
  );
  if (elsewhere !== undefined) throw refused(path, `the host has it mounted at ${elsewhere.mountpoint} too`);
  return entry;
}

function refused(path: string, why: string): ProductError {
  return new ProductError('PathRefused', `${path} is not frozen: ${why}.`, {
    value: path,
    allowed: `the mount of a block volume, ${filesystems.join(' or ')}, that this agent has made`,
    hint: 'Back it up with consistency "none", or with hooks that make the application write everything out.',
  });
}
