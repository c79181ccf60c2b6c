import { posix } from 'node:path';
import { mountedAt, type MountEntry } from './mounts.ts';

/**
 * Mountpoints inside what shows at a path, by whatever path they were made: the kernel moves no directory that is one. A
 * bind mount of a directory does not show what is mounted inside that, so places are compared inside its filesystem.
 */
export function mountsInside(entries: readonly MountEntry[], path: string): string[] {
  const shown = mountedAt(entries, path);
  if (shown === undefined) return [];
  const top = shown.root === '/' ? '/' : `${shown.root}/`;
  return entries.flatMap((entry, index) => {
    const place = placeOf(entries.slice(0, index), entry.mountpoint);
    return place?.device === shown.device && place.path.startsWith(top) && place.path !== top
      ? [entry.mountpoint]
      : [];
  });
}

/** Where a mountpoint lies in the filesystem that showed there before: of the mounts above it the nearest, and of these the last. */
function placeOf(
  before: readonly MountEntry[],
  mountpoint: string,
): { readonly device: string; readonly path: string } | undefined {
  let under: MountEntry | undefined;
  for (const entry of before) {
    const isAbove = entry.mountpoint === '/' || `${mountpoint}/`.startsWith(`${entry.mountpoint}/`);
    if (isAbove && (under?.mountpoint.length ?? 0) <= entry.mountpoint.length) under = entry;
  }
  if (under === undefined) return undefined;
  return {
    device: under.device,
    path: posix.join(under.root, posix.relative(under.mountpoint, mountpoint)),
  };
}
