import process from 'node:process';
import { plainProgress } from './plain-progress.ts';
import type { Terminal } from './terminal.ts';

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const shows = process.stderr.isTTY && process.env['TERM'] !== 'dumb';
  const asks = process.stdin.isTTY && process.stderr.isTTY;
  const err = (text: string): void => void process.stderr.write(`${text}\n`);
  return {
    out: (text) => void process.stdout.write(`${text}\n`),
    err,
    shows,
    asks,
    confirm: async (question) => (await import('./ask.ts')).confirm(question),
    progress: async (title) =>
      shows ? (await import('./progress-bar.ts')).progressBar(title) : plainProgress(title, err),
  };
}

/** `hivemind volume ls | head -1` closes our stdout early; that is no error. */
export function endQuietlyOnClosedPipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}
