import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './until.ts';

/**
 * `sh -c SCRIPT sh DIRECTORY NOTES` appends numbered lines to DIRECTORY/lines, each synced before the next, and notes in
 * NOTES, which is to be elsewhere, which ones were acknowledged, and that it gave up at its first failed write. Notes are
 * appended as well: killed or frozen in the middle of one, it has the one before.
 */
export const writerScript = [
  'n=0',
  'while n=$((n+1)); echo $n >>"$1/lines" && sync "$1/lines"; do echo $n >>"$2/acknowledged"; done',
  'echo failed >"$2/outcome"',
  'sleep 3600',
].join('\n');

export interface Writer {
  /** Number of the last line that was synced. */
  acknowledged(): number;
  /** Waits until that many more lines are acknowledged. */
  more(lines: number): Promise<void>;
  /** It does so at its first failed write. */
  gaveUp(): boolean;
  /** Waits for the writer to give up. */
  failed(): Promise<void>;
}

/** A running writer, by the folder of its notes, in which `acknowledged` has the line 0 at first. */
export function watchWriter(notes: string): Writer {
  const acknowledged = (): number => {
    const whole = readFileSync(join(notes, 'acknowledged'), 'utf8').split('\n').slice(0, -1);
    return Number(whole.at(-1));
  };
  const gaveUp = (): boolean => existsSync(join(notes, 'outcome'));
  return {
    acknowledged,
    gaveUp,
    more: async (lines) => {
      const from = acknowledged();
      await until(`${lines} more lines are written`, () => acknowledged() >= from + lines);
    },
    failed: async () => {
      await until('the writer gives up', gaveUp);
    },
  };
}

/** What a volume's file of lines should be: 1 to at least `count`, nothing missing, nothing doubled, nothing torn before that. */
export function intactLines(text: string, count: number): boolean {
  const lines = text.split('\n').slice(0, count);
  return lines.length === count && lines.every((line, index) => line === String(index + 1));
}
