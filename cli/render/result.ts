import type { Context } from '../context.ts';

/** Prints the outcome of a change: the whole object as JSON, or a sentence. */
export function printResult({ world, json }: Context, result: unknown, sentence: string): void {
  world.terminal.out(json ? JSON.stringify(result, null, 2) : sentence);
}
