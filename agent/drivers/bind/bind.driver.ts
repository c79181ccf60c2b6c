import { mkdir } from 'node:fs/promises';
import { ProductError } from '#shared/model/errors.ts';
import type { Assignment } from '#shared/model/host.ts';
import { mountedAt, type Mounts } from '#agent/host/mounts.ts';
import { baseOptions } from '../options.ts';
import type { Driver } from '../driver.ts';
import { removeEmpty, unmount } from '../unmount.ts';
import { createHostPath, holdHostPath, type HostPathRules } from './host-path.ts';

export interface BindPorts {
  readonly mounts: Mounts;
  readonly rules: HostPathRules;
}

/** A directory of the host itself. Its content is the host's: it is never emptied, and its owner is not touched. */
export function bindDriver({ mounts, rules }: BindPorts): Driver {
  return {
    name: 'bind',
    async stage({ path, assignment }) {
      if (mountedAt(await mounts.list(), path) !== undefined) return assignment;
      const source = sourceOf(assignment);
      if (!assignment.readOnly) await createHostPath(source, assignment.owner, rules);
      const held = await holdHostPath(source, rules);
      try {
        await mkdir(path, { recursive: true, mode: 0o700 });
        await mounts.bind(held.descriptor, path); // guard: path-descriptor off: await mounts.bind(source, path);
        const options = ['bind', ...baseOptions, ...(assignment.readOnly ? ['ro'] : [])];
        await mounts.remount(path, options);
      } finally {
        await held.close();
      }
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

function sourceOf({ name, options }: Assignment): string {
  const path = options['path'];
  if (path?.startsWith('/') === true) return path;
  throw new ProductError('PathRefused', `Volume "${name}" has no absolute path.`, {
    value: path,
    hint: 'Create it with the option path=/data/DIRECTORY.',
  });
}
