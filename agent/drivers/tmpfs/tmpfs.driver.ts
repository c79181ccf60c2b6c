import { mkdir } from 'node:fs/promises';
import { mountedAt, type Mounts } from '#agent/host/mounts.ts';
import type { Driver } from '../driver.ts';
import { mountOptions } from '../options.ts';
import { removeEmpty, unmount } from '../unmount.ts';

/** Memory: empty at the first mount on a host, gone after the last unmount. */
export function tmpfsDriver({ mounts }: { mounts: Mounts }): Driver {
  return {
    name: 'tmpfs',
    async stage({ path, assignment }) {
      if (mountedAt(await mounts.list(), path) !== undefined) return assignment;
      const { owner, sizeBytes, readOnly, options } = assignment;
      await mkdir(path, { recursive: true, mode: 0o700 });
      await mounts.mount({
        source: `hivemind-${assignment.volumeId}`,
        target: path,
        fstype: 'tmpfs',
        options: [
          ...mountOptions('tmpfs', options),
          ...(sizeBytes === undefined ? [] : [`size=${sizeBytes}`]),
          `mode=${owner.mode}`,
          `uid=${owner.uid}`,
          `gid=${owner.gid}`,
          ...(readOnly ? ['ro'] : []),
        ],
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
