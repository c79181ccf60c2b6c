import { reportedMismatches } from '#shared/model/verify.ts';
import { pathToText, type BytePath } from '#shared/model/byte-path.ts';

const textLimit = 512;

/** What a comparison has counted, and the first things that were wrong. */
export class Tally {
  entries = 0;
  compared = 0;
  hashed = 0;
  wrong = 0;
  readonly mismatches: string[] = [];

  add(path: BytePath, what: string): void {
    this.say(`${JSON.stringify(pathToText(path))}: ${what}`);
  }

  say(text: string): void {
    this.wrong++;
    if (this.mismatches.length < reportedMismatches) this.mismatches.push(text.slice(0, textLimit));
  }
}

/** What went wrong with a read, in a few words: "EIO". */
export function wordOf(error: unknown): string {
  if (error instanceof Error && 'code' in error) return String(error.code);
  return error instanceof Error ? error.message : String(error);
}
