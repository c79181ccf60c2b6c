import process from 'node:process';
import { plainProgress } from './plain-progress.ts';
import { narrowest, progressBar } from './progress-bar.ts';
import type { Terminal } from './terminal.ts';

/** The terminal of this process. Its streams are looked at when they are needed: each costs time to open. */
export function processTerminal(): Terminal {
  return {
    out: (text) => void process.stdout.write(`${text}\n`),
    err,
    get asks() {
      return process.stdin.isTTY && process.stderr.isTTY;
    },
    confirm: async (question) => (await import('./ask.ts')).confirm(question),
    progress: (title) => {
      const { columns, isTTY } = process.stderr;
      const roomy = isTTY && columns >= narrowest && process.env['TERM'] !== 'dumb';
      return roomy ? progressBar(title, { columns, write }) : plainProgress(title, err);
    },
  };
}

const write = (text: string): void => void process.stderr.write(text);
const err = (text: string): void => write(`${text}\n`);

/** `hivemind volume ls | head -1` closes our stdout early; that is no error. */
export function endQuietlyOnClosedPipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}
