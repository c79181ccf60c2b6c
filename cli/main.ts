#!/usr/bin/env node
import process from 'node:process';
import { run } from './run.ts';
import { endQuietlyOnClosedPipe, processTerminal } from './terminal/process-terminal.ts';

endQuietlyOnClosedPipe();
process.exitCode = await run(process.argv.slice(2), {
  env: process.env,
  terminal: processTerminal(),
  connect: async (settings) => (await import('./api/connect.ts')).connect(settings),
  sleep: (milliseconds) => new Promise((resolve) => void setTimeout(resolve, milliseconds)),
  interrupted: () =>
    new Promise((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
    }),
  now: () => Date.now(),
});
