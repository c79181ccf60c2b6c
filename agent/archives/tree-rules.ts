import type { EntryKind, TarEntry } from '#shared/client/archive/reader.ts';
import { refusedArchive } from '#shared/client/archive/refused.ts';
import { PathIndex, type KindAt } from './path-index.ts';
import { isReserved } from './reserved.ts';

const maxPathBytes = 4000;
const maxNameBytes = 255;
const unpackable: readonly EntryKind[] = ['file', 'hard link', 'symlink', 'directory'];

/** An entry that may be unpacked, under its plain path: relative, no empty, `.` or `..` parts; `.` is the root. */
export interface PlainEntry {
  readonly entry: TarEntry;
  readonly path: string;
  /** Plain path of a hard link's target; a symlink's target as it stands; else empty. */
  readonly linkPath: string;
}

/**
 * Contract 9 for one archive, entry by entry in its order: what is accepted makes one tree inside one directory, whatever
 * program unpacks it. A symlink may point anywhere, since nothing is ever written through one.
 */
export class TreeRules {
  readonly #index = new PathIndex();

  /**
   * Accepts an entry; undefined for what is ours or the filesystem's own and is left out.
   * @throws ArchiveRefused with the reason and the path.
   */
  admit(entry: TarEntry): PlainEntry | undefined {
    if (!unpackable.includes(entry.kind)) throw refusedArchive(`it holds a ${entry.kind}`, entry.path); // guard: archive-inside
    const parts = plainParts(entry.path, entry.path);
    if (isReserved(parts)) return undefined;
    const path = parts.join('/');
    if (parts.length === 0) this.#admitRoot(entry);
    else this.#admitBelow(entry, parts);
    return { entry, path: path === '' ? '.' : path, linkPath: this.#linkPath(entry) };
  }

  #admitRoot(entry: TarEntry): void {
    if (entry.kind !== 'directory') throw refusedArchive(`its root is a ${entry.kind}`, entry.path);
    this.#add('', 'directory', entry);
  }

  #admitBelow(entry: TarEntry, parts: readonly string[]): void {
    this.#enter(parts.slice(0, -1), entry);
    const path = parts.join('/');
    if (entry.kind === 'hard link') this.#add(path, this.#targetKind(entry), entry);
    else if (entry.kind === 'symlink') this.#add(path, 'symlink', entry);
    else this.#add(path, entry.kind === 'directory' ? 'directory' : 'file', entry);
  }

  /** Every folder above is a directory of this archive, or becomes one. */
  #enter(parts: readonly string[], entry: TarEntry): void {
    if (parts.length === 0) return;
    const path = parts.join('/');
    const kind = this.#index.get(path);
    if (kind === 'directory' || kind === 'implied') return;
    if (kind === 'symlink') throw refusedArchive('an entry leads through a symlink', entry.path); // guard: archive-inside
    if (kind === 'file') throw refusedArchive('an entry lies in what is a file', entry.path);
    this.#enter(parts.slice(0, -1), entry);
    this.#index.set(path, 'implied');
  }

  #add(path: string, kind: KindAt, entry: TarEntry): void {
    const there = this.#index.get(path);
    const named = there === 'implied' && kind === 'directory';
    if (there !== undefined && !named) throw refusedArchive('a path stands there twice', entry.path); // guard: archive-inside
    this.#index.set(path, kind);
  }

  #targetKind(entry: TarEntry): KindAt {
    const target = plainParts(entry.linkPath, entry.path).join('/');
    const kind = this.#index.get(target);
    if (kind === 'file' || kind === 'symlink') return kind;
    throw refusedArchive('a hard link leads to what does not stand before it', entry.path); // guard: archive-inside off: return 'file';
  }

  #linkPath(entry: TarEntry): string {
    if (entry.kind === 'hard link') return plainParts(entry.linkPath, entry.path).join('/');
    if (entry.kind !== 'symlink') return '';
    const length = entry.linkPath.length;
    if (length === 0 || length > maxPathBytes || entry.linkPath.includes('\0'))
      throw refusedArchive(`a symlink's target has ${length} bytes`, entry.path);
    return entry.linkPath;
  }
}

/** The parts of a path; none for the root. @throws ArchiveRefused when it is not one inside. */
function plainParts(path: string, shown: string): string[] {
  if (path === '' || path.includes('\0') || path.length > maxPathBytes)
    throw refusedArchive(`a path has ${path.length} bytes, or a zero byte`, shown);
  if (path.startsWith('/')) throw refusedArchive('a path is absolute', shown); // guard: archive-inside
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw refusedArchive('a path leads to a parent directory ("..")', shown); // guard: archive-inside
  if (parts.some((part) => part.length > maxNameBytes))
    throw refusedArchive(`a name is longer than ${maxNameBytes} bytes`, shown);
  return parts;
}
