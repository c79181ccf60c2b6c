import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ProductError } from '#shared/model/errors.ts';
import type { FilesystemType } from '#shared/model/volume.ts';
import { removeEmpty, unmount } from '#agent/drivers/unmount.ts';
import type { Blocks } from '#agent/host/blocks.ts';
import type { Mounts } from '#agent/host/mounts.ts';

export interface CopyPorts {
  readonly mounts: Mounts;
  readonly blocks: Pick<Blocks, 'signature'>;
  /** ROOT/verify: copies are mounted below it, out of the way of volumes. */
  readonly directory: string;
}

/** A restored copy of a volume, on a device of this host. */
export interface Copy {
  /** Names the mountpoint. */
  readonly id: string;
  /** Path of the block device that holds it. */
  readonly device: string;
  /** What must be on it. */
  readonly format: { readonly type: FilesystemType; readonly uuid: string };
}

/** The volume's files, below the root of its filesystem. */
export const dataDirectory = 'data';
/** Nothing of a copy is run or trusted. */
const guarded = ['nosuid', 'nodev', 'noexec'];

/** A mountpoint for a copy while `work` runs. Unmounted and removed whatever happens. @throws VolumeBusy when it cannot be */
export async function withMountpoint<T>(
  ports: CopyPorts,
  { id }: Copy,
  work: (path: string) => Promise<T>,
): Promise<T> {
  const path = join(ports.directory, id);
  await unmountCopy(ports, path);
  await mkdir(path, { recursive: true, mode: 0o700 });
  try {
    return await work(path);
  } finally {
    await unmountCopy(ports, path);
  }
}

async function unmountCopy({ mounts }: CopyPorts, path: string): Promise<void> {
  await unmount(mounts, path, { name: path });
  await removeEmpty(path);
}

/**
 * Mounts a copy read-write once: replaying the journal is part of a restore, without it even what was synced may be missing.
 * @throws ProductError DeviceRefused where another filesystem is on the device: a copy of another volume has another UUID, a
 *   volume that never got its data has none.
 */
export async function replayJournal(ports: CopyPorts, copy: Copy, path: string): Promise<void> {
  const { device, format } = copy;
  const found = await ports.blocks.signature(device);
  if (found?.type !== format.type || found.uuid !== format.uuid) {
    const there = found === undefined ? 'nothing' : `${found.type} ${found.uuid}`;
    const detail = `the copy should hold ${format.type} ${format.uuid}, but holds ${there}`;
    throw new ProductError('DeviceRefused', detail, { value: there });
  }
  await mountCopy(ports, copy, { path, how: 'rw' });
  await unmount(ports.mounts, path, { name: path });
}

export async function mountCopy(
  { mounts }: Pick<CopyPorts, 'mounts'>,
  { device, format }: Copy,
  { path, how }: { readonly path: string; readonly how: 'rw' | 'ro' },
): Promise<void> {
  // XFS refuses the UUID of a volume that is mounted beside its copy.
  const options = [how, ...guarded, ...(format.type === 'xfs' ? ['nouuid'] : [])];
  await mounts.mount({ source: device, target: path, fstype: format.type, options, timeoutMs: 30 * 60_000 });
}
