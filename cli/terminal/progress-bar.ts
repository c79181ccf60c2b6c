import { printable } from '../render/printable.ts';
import type { Progress } from './terminal.ts';

/** What a bar is drawn on. */
interface Screen {
  /** Columns; fewer than {@link narrowest} are no place for a bar. */
  readonly columns: number;
  write(text: string): void;
}

export const narrowest = 40;
const cells = 20;
const eraseLine = '\r\u001b[K';

/**
 * One line on stderr that is drawn again when something changes; stdout holds the result alone. It leaves the keyboard
 * alone (the prompt library's own bar ends the program with exit code 0 on Ctrl-C and Esc).
 */
export function progressBar(title: string, screen: Screen): Progress {
  const draw = (percent: number, message: string): void => {
    const full = Math.round((cells * percent) / 100);
    const bar = `${'█'.repeat(full)}${'░'.repeat(cells - full)}`;
    const text = printable(
      `${bar} ${String(percent).padStart(3)}% ${title}${message === '' ? '' : `: ${message}`}`,
    );
    screen.write(`${eraseLine}${text.slice(0, screen.columns - 1)}`);
  };
  draw(0, '');
  return {
    report: draw,
    done: () => screen.write(eraseLine),
    failed: () => screen.write(eraseLine),
  };
}
