import process from 'node:process';
import { plainProgress } from './plain-progress.ts';
import { narrowest, progressBar } from './progress-bar.ts';
import type { Terminal } from './terminal.ts';

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const { columns } = process.stderr;
  const shows = process.stderr.isTTY && columns >= narrowest && process.env['TERM'] !== 'dumb';
  const asks = process.stdin.isTTY && process.stderr.isTTY;
  const err = (text: string): void => void process.stderr.write(`${text}\n`);
  return {
    out: (text) => void process.stdout.write(`${text}\n`),
    err,
    asks,
    confirm: async (question) => (await import('./ask.ts')).confirm(question),
    progress: (title) =>
      shows
        ? progressBar(title, { columns, write: (text) => void process.stderr.write(text) })
        : plainProgress(title, err),
  };
}

/** `hivemind volume ls | head -1` closes our stdout early; that is no error. */
export function endQuietlyOnClosedPipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}
