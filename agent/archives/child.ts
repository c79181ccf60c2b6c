import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';

/** How a child process ended. */
export interface ChildEnd {
  /** Its exit code; undefined when it was killed or never began. */
  readonly code: number | undefined;
  /** What it said on its standard error, up to 64 KiB, or why it did not begin. */
  readonly words: string;
}

const maxWords = 64 * 2 ** 10;

/** Follows a child from its start, so that nothing it says is lost, to its end. Never rejects. */
export function childEnd(child: ChildProcess & { readonly stderr: Readable }): Promise<ChildEnd> {
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (words.length < maxWords) words += text;
  });
  return new Promise((resolve) => {
    child.once('error', (error) => {
      resolve({ code: undefined, words: error.message });
    });
    child.once('close', (code) => {
      resolve({ code: code ?? undefined, words: words.trim() });
    });
  });
}
