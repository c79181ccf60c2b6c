import process from 'node:process';
import { progress } from '@clack/prompts';
import { printable } from '../render/printable.ts';
import type { Progress } from './terminal.ts';

/** A bar on stderr, so that stdout holds the result alone. */
export function progressBar(title: string): Progress {
  const bar = progress({ max: 100, size: 30, output: process.stderr });
  let at = 0;
  bar.start(title);
  return {
    report: (percent, message) => {
      bar.advance(Math.max(0, percent - at), printable(message === '' ? title : `${title}: ${message}`));
      at = Math.max(at, percent);
    },
    done: (message) => {
      bar.advance(100 - at);
      bar.stop(message);
    },
    failed: (message) => bar.error(message),
  };
}
