import { formatHeader } from '#shared/client/archive/header.ts';
import { formatPax } from '#shared/client/archive/pax.ts';
import type { EntryKind, TarEntry } from '#shared/client/archive/reader.ts';
import { shownName } from '#shared/client/archive/refused.ts';
import { accessListBytes } from './access-list.ts';
import type { PlainEntry } from './tree-rules.ts';

const typeFlags: Readonly<Partial<Record<EntryKind, string>>> = {
  file: '0',
  'hard link': '1',
  symlink: '2',
  directory: '5',
};

/** Access lists as tar's text, and as the attributes that the kernel keeps. */
const accessLists = [
  ['SCHILY.acl.access', 'SCHILY.xattr.system.posix_acl_access'],
  ['SCHILY.acl.default', 'SCHILY.xattr.system.posix_acl_default'],
] as const;

/**
 * An admitted entry's headers, written anew: the program that unpacks sees nothing that was not understood and checked
 * here, in one spelling, so that the two cannot read the same bytes differently.
 */
export function canonicalHeaders(plain: PlainEntry, warn: (warning: string) => void): Buffer {
  const { entry, path, linkPath } = plain;
  const records = new Map<string, string>();
  if (entry.sparseBytes === undefined) records.set('path', `./${path}`);
  else for (const [key, value] of sparseRecords(path, entry.sparseBytes)) records.set(key, value);
  if (entry.kind === 'hard link') records.set('linkpath', `./${linkPath}`);
  if (entry.kind === 'symlink') records.set('linkpath', linkPath);
  records.set('size', `${entry.size}`);
  records.set('uid', `${entry.uid}`);
  records.set('gid', `${entry.gid}`);
  records.set('mtime', entry.mtime);
  addAttributes(records, entry, warn);
  const header = formatHeader({
    name: 'entry',
    mode: entry.mode,
    uid: 0,
    gid: 0,
    size: entry.size,
    mtime: 0,
    type: typeFlags[entry.kind] ?? '0',
    linkName: '',
  });
  return Buffer.concat([formatPax('x', records), header]);
}

function sparseRecords(path: string, realSize: number): [string, string][] {
  return [
    ['GNU.sparse.major', '1'],
    ['GNU.sparse.minor', '0'],
    ['GNU.sparse.name', `./${path}`],
    ['GNU.sparse.realsize', `${realSize}`],
  ];
}

function addAttributes(records: Map<string, string>, entry: TarEntry, warn: (warning: string) => void): void {
  for (const [key, value] of entry.pax) if (key.startsWith('SCHILY.xattr.')) records.set(key, value);
  for (const [asText, asBytes] of accessLists) {
    const text = entry.pax.get(asText);
    if (text === undefined || records.has(asBytes)) continue;
    const bytes = accessListBytes(text);
    if (bytes === undefined)
      warn(`${shownName(entry.path)}: its access list has names, not numbers; left out`);
    else records.set(asBytes, bytes);
  }
}
