import { styleText } from 'node:util';

/** How `up` and its kin tell what they do: step by step on a terminal, plain lines elsewhere. */
export interface Progress {
  /** Runs one step and tells its outcome and duration. */
  step<T>(what: string, work: () => Promise<T>): Promise<T>;
  line(text: string): void;
}

const seconds = (from: number): string => `${((performance.now() - from) / 1000).toFixed(1)} s`;

export function progressOn(out: NodeJS.WriteStream): Progress {
  const live = out.isTTY && process.env['CI'] !== 'true';
  const paint = (style: 'green' | 'red' | 'dim', text: string): string =>
    live ? styleText(style, text) : text;
  return {
    line: (text) => void out.write(`${text}\n`),
    async step(what, work) {
      const started = performance.now();
      if (live) out.write(`  ${paint('dim', '…')} ${what}`);
      const end = (mark: string, tail: string): void =>
        void out.write(`${live ? '\r\u001b[K' : ''}  ${mark} ${what} ${tail}\n`);
      try {
        const result = await work();
        end(paint('green', live ? '✓' : 'ok'), paint('dim', `(${seconds(started)})`));
        return result;
      } catch (error) {
        end(paint('red', live ? '✗' : 'failed'), paint('dim', `(${seconds(started)})`));
        throw error;
      }
    },
  };
}

/** For callers that want no output. */
export const silent: Progress = { line: () => undefined, step: (_what, work) => work() };
