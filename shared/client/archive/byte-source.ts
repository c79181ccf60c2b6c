import { refusedArchive } from './refused.ts';

const nothing = Buffer.alloc(0);

/** Chunks of any size, read by counts of bytes. One reader at a time. */
export class ByteSource {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Buffer = nothing;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next bytes; fewer than asked, down to none, only where the source ends. */
  async take(size: number): Promise<Buffer> {
    if (this.#rest.length >= size) return this.#cut(size);
    const parts: Buffer[] = [];
    for (let missing = size; missing > 0;) {
      if (this.#rest.length === 0 && !(await this.#refill())) break;
      const part = this.#cut(missing);
      missing -= part.length;
      parts.push(part);
    }
    return Buffer.concat(parts);
  }

  /** The next bytes as they come. @throws ArchiveRefused when the source ends before. */
  async *run(size: number): AsyncGenerator<Buffer> {
    for (let missing = size; missing > 0;) {
      if (this.#rest.length === 0 && !(await this.#refill())) throw truncated();
      const part = this.#cut(missing);
      missing -= part.length;
      yield part;
    }
  }

  #cut(size: number): Buffer {
    const part = this.#rest.subarray(0, size);
    this.#rest = this.#rest.subarray(part.length);
    return part;
  }

  async #refill(): Promise<boolean> {
    const next = await this.#chunks.next();
    if (next.done === true) return false;
    const { buffer, byteOffset, byteLength } = next.value;
    this.#rest = Buffer.from(buffer, byteOffset, byteLength);
    return true;
  }
}

export function truncated(): Error {
  return refusedArchive('it ends in the middle; it was cut short on its way or while it was made');
}
