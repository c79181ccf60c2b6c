import { mkdir } from 'node:fs/promises';
import { ProductError } from '#shared/model/errors.ts';
import type { Assignment } from '#shared/model/host.ts';
import { mountedAt, type Mounts } from '#agent/host/mounts.ts';
import type { Driver } from '../driver.ts';
import { mountOptions } from '../options.ts';
import { removeEmpty, unmount } from '../unmount.ts';

const mountTimeoutMs = 100_000;

/** A directory of a shared file system, through an access point that is the volume's own root. */
export function efsDriver({ mounts }: { mounts: Mounts }): Driver {
  return {
    name: 'efs',
    async stage({ path, assignment }) {
      if (mountedAt(await mounts.list(), path) !== undefined) return assignment;
      const { fileSystemId, accessPointId } = storageOf(assignment);
      await mkdir(path, { recursive: true, mode: 0o700 });
      await mounts.mount({
        source: `${fileSystemId}:/`,
        target: path,
        fstype: 'efs',
        options: [
          ...accessOptions(accessPointId),
          ...mountOptions('efs', assignment.options),
          ...(assignment.readOnly ? ['ro'] : []),
        ],
        timeoutMs: mountTimeoutMs,
      });
      return assignment;
    },
    dataPath: ({ path }) => path,
    async unstage({ path, assignment }) {
      await unmount(mounts, path, assignment);
      await removeEmpty(path);
    },
    isFree: () => Promise.resolve(true),
    fence: () => Promise.resolve(),
    device: () => Promise.resolve(undefined),
  };
}

/** Encrypted on the way, as the host's role, into the one directory of the access point. Source: amazon-efs-utils. */
export function accessOptions(accessPointId: string): string[] {
  return ['tls', 'iam', `accesspoint=${accessPointId}`];
}

function storageOf({ name, storage }: Assignment): { fileSystemId: string; accessPointId: string } {
  if (storage?.kind === 'efs') return storage;
  throw new ProductError('Unavailable', `The control plane names no file system for volume "${name}" yet.`, {
    hint: 'Wait until it is available and try again.',
  });
}
