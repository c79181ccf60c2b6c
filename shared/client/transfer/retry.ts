import { setTimeout as delay } from 'node:timers/promises';
import { ProductError, isProductError } from '#shared/model/errors.ts';
import type { TransferOptions } from './types.ts';

/** A URL that S3 no longer takes (403): another one is asked for, without a wait the first time. */
export class UrlRefused extends ProductError {
  constructor(words: string) {
    super('AccessDenied', `The storage refused the transfer's URL: ${words}`, {
      hint: 'Check the clock of this machine, and repeat the command.',
    });
  }
}

/** Counts tries without progress; a try that moved something starts the count again. */
export class Tries {
  readonly #options: TransferOptions;
  #failed = 0;

  constructor(options: TransferOptions) {
    this.#options = options;
  }

  progressed(): void {
    this.#failed = 0;
  }

  /**
   * Waits before the next try, twice as long each time, up to 15 s, jittered.
   * @throws the error itself when it will not pass, or after the last try.
   */
  async again(error: unknown): Promise<void> {
    const { tries = 8, sleep = wait, signal } = this.#options;
    signal?.throwIfAborted();
    const first = this.#failed++ === 0;
    const passing = error instanceof UrlRefused || isProductError(error, 'Unavailable', 'TransferFailed');
    if (!passing || this.#failed >= tries) throw error;
    if (first && error instanceof UrlRefused) return;
    await sleep(Math.min(15_000, 250 * 2 ** this.#failed) * (0.5 + Math.random() / 2), signal);
  }
}

async function wait(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(ms, undefined, signal === undefined ? {} : { signal });
}

/** The error of an answer that is no success; its body is read, so that the connection is free again. */
export async function answerError(response: Response): Promise<ProductError> {
  const text = await response.text().catch(() => '');
  const code = /<Code>(\w+)<\/Code>/.exec(text)?.[1] ?? response.statusText;
  const words = `${response.status} ${code}`.trim();
  if (response.status === 403) return new UrlRefused(words);
  // S3 says 400 RequestTimeout where the client's connection stalled, and BadDigest where bytes were changed on their way.
  const passing = response.status >= 500 || response.status === 429 || response.status === 408;
  if (passing || code === 'RequestTimeout' || code === 'BadDigest' || code === 'XAmzContentChecksumMismatch')
    return new ProductError('Unavailable', `The storage answered ${words}.`);
  return new ProductError('StorageFailed', `The storage refused the transfer: ${words}.`, {
    hint: 'The transfer cannot go on; begin it again.',
  });
}

/** The error of a connection that broke. */
export function connectionError(cause: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason;
  if (isProductError(cause)) return cause;
  return new ProductError('Unavailable', 'The connection to the storage broke.', { cause });
}

/** Ends a request where nothing has moved for a while, or with the caller's signal. */
export class Stall {
  readonly signal: AbortSignal;
  readonly #ms: number;
  readonly #abort = new AbortController();
  #timer: NodeJS.Timeout;

  constructor({ stallMs = 60_000, signal }: TransferOptions) {
    this.#ms = stallMs;
    this.signal = signal === undefined ? this.#abort.signal : AbortSignal.any([signal, this.#abort.signal]);
    this.#timer = this.#start();
  }

  moved(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#start();
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #start(): NodeJS.Timeout {
    const late = new ProductError('Unavailable', `The storage did not move a byte in ${this.#ms / 1000} s.`);
    return setTimeout(() => {
      this.#abort.abort(late);
    }, this.#ms);
  }
}
