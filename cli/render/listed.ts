import type { ListedEntry } from '#shared/model/extract.ts';
import type { Columns } from './volume.ts';

/** One directory of a backup: sizes in bytes, times in UTC, owners as numbers, since names are the container's own. */
export const listedColumns: Columns<ListedEntry> = {
  MODE: ({ kind, mode }) => `${letters[kind]}${mode}`,
  OWNER: ({ uid, gid }) => `${uid}:${gid}`,
  SIZE: ({ size }) => String(size),
  MODIFIED: ({ modifiedAt }) => modifiedAt,
  NAME: ({ name, kind, target }) => {
    if (kind === 'directory') return `${name}/`;
    return target === undefined ? name : `${name} -> ${target}`;
  },
};

/** As `ls -l` has them. */
const letters = { file: '-', directory: 'd', symlink: 'l', other: '?' } as const;
