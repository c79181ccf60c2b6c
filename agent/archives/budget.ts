import type { TarEntry } from '#shared/client/archive/reader.ts';
import { refusedArchive } from '#shared/client/archive/refused.ts';

/** What an archive may take of the filesystem it is unpacked to. */
export interface BudgetLimits {
  /** Bytes on disk. */
  readonly bytes: number;
  /** Entries of every kind. */
  readonly entries: number;
  /** A file takes whole blocks of this many bytes. */
  readonly blockBytes: number;
}

/** Contract 9 against bombs: counts what an archive declares before any of it is written, against what is free. */
export class Budget {
  readonly #limits: BudgetLimits;
  #bytes = 0;
  #entries = 0;

  constructor(limits: BudgetLimits) {
    this.#limits = limits;
  }

  /** An entry with what it takes besides its data: a directory its block, long headers (extended attributes) theirs. */
  addEntry({ kind, path, raw }: TarEntry): void {
    this.addHeader(path);
    if (kind === 'directory') this.addRun(0, 1, path);
    this.addRun(0, Math.max(0, raw.length - this.#limits.blockBytes), path);
  }

  addHeader(path?: string): void {
    const { entries } = this.#limits;
    if (++this.#entries > entries) throw refusedArchive(`it holds more than ${entries} entries`, path); // guard: archive-bomb
  }

  /** A run of data at an offset of a file. */
  addRun(offset: number, length: number, path: string): void {
    const { bytes, blockBytes } = this.#limits;
    const first = Math.floor(offset / blockBytes);
    this.#bytes += (Math.ceil((offset + length) / blockBytes) - first) * blockBytes;
    const most = `the ${bytes} bytes that are free`;
    if (this.#bytes > bytes) throw refusedArchive(`it needs more than ${most}`, path); // guard: archive-bomb
  }
}
