import type { Api } from './api/api.ts';
import type { Settings } from './settings/settings.ts';
import type { Terminal } from './terminal/terminal.ts';

/** Everything a command reads or changes outside itself; tests give their own. */
export interface World {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
  /** Makes the API client; called only by commands that call the API, so that the rest starts fast. */
  connect(settings: Settings): Promise<Api>;
  /** Resolves after `milliseconds`. */
  sleep(milliseconds: number): Promise<void>;
  /** Resolves when the person ends the program (Ctrl-C, SIGTERM). */
  interrupted(): Promise<void>;
  /** Milliseconds since the epoch. */
  now(): number;
}
