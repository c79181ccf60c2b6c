import { printable } from '../render/printable.ts';
import type { Progress } from './terminal.ts';

/** One line whenever the message changes: readable in a log file, silent while nothing happens. */
export function plainProgress(title: string, write: (line: string) => void): Progress {
  let last = '';
  const say = (line: string): void => {
    if (line !== last) write(printable(line));
    last = line;
  };
  say(title);
  return {
    report: (percent, message) => say(message === '' ? title : `${title}: ${message} (${percent}%)`),
    done: say,
    failed: say,
  };
}
