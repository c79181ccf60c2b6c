import { constants } from 'node:fs';
import { access, mkdir, open, readFile, rename, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './exec.ts';

/** GiB in bytes. */
export const gib = 2 ** 30;

/** Where the bytes of volumes and snapshots are: an XFS with reflinks in a sparse file. */
export class Disk {
  readonly #file: string;
  readonly #mount: string;
  readonly #sizeGib: number;

  constructor(dir: string, sizeGib: number) {
    this.#file = join(dir, 'disk.img');
    this.#mount = join(dir, 'disk');
    this.#sizeGib = sizeGib;
  }

  get folder(): string {
    return this.#mount;
  }

  volume(id: string): string {
    return join(this.#mount, 'volumes', `${id}.img`);
  }

  snapshot(id: string): string {
    return join(this.#mount, 'snapshots', `${id}.img`);
  }

  /** Makes the disk if there is none, mounts it if it is not. */
  async open(): Promise<void> {
    await mkdir(this.#mount, { recursive: true });
    if (!(await exists(this.#file))) await this.#make();
    if (!(await isMounted(this.#mount))) await this.#attach();
    await mkdir(join(this.#mount, 'volumes'), { recursive: true });
    await mkdir(join(this.#mount, 'snapshots'), { recursive: true });
  }

  async #make(): Promise<void> {
    const fresh = `${this.#file}.new`;
    await rm(fresh, { force: true });
    await (await open(fresh, 'w')).close();
    await truncate(fresh, this.#sizeGib * gib);
    await run('mkfs.xfs', ['-q', '-m', 'reflink=1', '-l', 'size=64m', fresh]);
    await rename(fresh, this.#file);
  }

  /**
   * A namespace made while the disk was mounted may still hold it: then its loop device is bound, and a second one
   * over the same file would be a second, corrupting view. Mounting the bound one again is the same file system.
   */
  async #attach(): Promise<void> {
    const bound =
      (await run('losetup', ['--noheadings', '--output', 'NAME', '--associated', this.#file]))
        .trim()
        .split('\n')[0] ?? '';
    const options = 'discard,nouuid,noatime';
    if (bound === '') await run('mount', ['-o', `loop,${options}`, this.#file, this.#mount]);
    else await run('mount', ['-o', options, bound, this.#mount]);
  }

  /** Unmounts, unless volumes of it are still in use. */
  async close(): Promise<boolean> {
    if (!(await isMounted(this.#mount))) return true;
    try {
      await run('umount', [this.#mount]);
      return true;
    } catch {
      return false;
    }
  }

  /** An empty sparse image. An image that is there already is the same one, made before a crash. */
  async createImage(path: string, sizeGib: number): Promise<void> {
    if (await exists(path)) return;
    await (await open(path, 'a')).close();
    await truncate(path, sizeGib * gib);
  }

  /**
   * One atomic copy: the file's content at one instant, sharing its blocks. Of a volume its `sizeGib` alone: a fenced
   * holder's late writes may lie behind.
   */
  async reflink(from: string, to: string, sizeGib: number): Promise<void> {
    const fresh = `${to}.new`;
    await run('cp', ['--reflink=always', '--', from, fresh], { timeoutMs: 600_000 });
    await this.cutImage(fresh, sizeGib);
    await rename(fresh, to);
  }

  /** Takes away what lies behind the volume's bytes. */
  async cutImage(path: string, sizeGib: number): Promise<void> {
    const { size } = await stat(path);
    if (size > sizeGib * gib) await truncate(path, sizeGib * gib);
  }

  /** What the volume has gained reads as zeroes. */
  async growImage(path: string, from: number, sizeGib: number): Promise<void> {
    await this.cutImage(path, from);
    const { size } = await stat(path);
    if (size < sizeGib * gib) await truncate(path, sizeGib * gib);
  }

  async removeImage(path: string): Promise<void> {
    await rm(path, { force: true });
    await rm(`${path}.new`, { force: true });
  }

  /** Bytes that the image really takes, shared ones included. */
  async usedBytes(path: string): Promise<number> {
    return (await stat(path)).blocks * 512;
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path, constants.F_OK).then(
    () => true,
    () => false,
  );
}

async function isMounted(path: string): Promise<boolean> {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  return mounts.split('\n').some((line) => unescapeMount(line.split(' ')[4] ?? '') === path);
}

/** The kernel writes blanks in mount points as octal escapes. */
function unescapeMount(path: string): string {
  return path.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCodePoint(Number.parseInt(octal, 8)));
}
