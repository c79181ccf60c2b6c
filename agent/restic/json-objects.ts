import { ProductError } from '#shared/model/errors.ts';

const [quote, backslash, open, close, openList, closeList] = [...Buffer.from('"\\{}[]')];

/**
 * The objects at a depth of a stream of JSON, one after the other as text: 0 those that follow each other, 2 those in a list
 * in an object. What is around them is left out, so that no more than one of them is held.
 * @throws ProductError CommandFailed when the stream ends within one
 */
export async function* jsonObjects(chunks: AsyncIterable<Buffer>, depth: number): AsyncGenerator<string> {
  const scanner = new Scanner(depth);
  for await (const chunk of chunks) yield* scanner.take(chunk);
  if (scanner.isWithin) throw new ProductError('CommandFailed', 'restic broke off in the middle of a list.');
}

class Scanner {
  readonly #wanted: number;
  #depth = 0;
  #inText = false;
  #escaped = false;
  /** Of an object that began in an earlier chunk. */
  #begun: Buffer[] = [];

  constructor(wanted: number) {
    this.#wanted = wanted;
  }

  get isWithin(): boolean {
    return this.#depth > 0 || this.#inText;
  }

  *take(chunk: Buffer): Generator<string> {
    let from = this.#depth > this.#wanted ? 0 : undefined;
    for (let at = 0; at < chunk.length; at++) {
      const turn = this.#step(chunk[at] ?? 0);
      if (turn === 'opens') from = at;
      if (turn !== 'closes') continue;
      yield Buffer.concat([...this.#begun, chunk.subarray(from ?? 0, at + 1)]).toString('utf8');
      this.#begun = [];
      from = undefined;
    }
    if (from !== undefined) this.#begun.push(chunk.subarray(from));
  }

  /** Whether an object of the wanted depth begins or ends with this byte. */
  #step(byte: number): 'opens' | 'closes' | undefined {
    if (this.#inText) return this.#stepInText(byte);
    if (byte === quote) this.#inText = true;
    else if (byte === open || byte === openList) return this.#depth++ === this.#wanted ? 'opens' : undefined;
    else if (byte === close || byte === closeList)
      return --this.#depth === this.#wanted ? 'closes' : undefined;
    return undefined;
  }

  #stepInText(byte: number): undefined {
    if (this.#escaped) this.#escaped = false;
    else if (byte === backslash) this.#escaped = true;
    else if (byte === quote) this.#inText = false;
  }
}
