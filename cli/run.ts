import { CommanderError } from '@commander-js/extra-typings';
import { exitCodes, ProductError } from '#shared/model/errors.ts';
import { buildProgram } from './program.ts';
import { asProductError, errorJson, errorLines } from './render/error.ts';
import type { World } from './world.ts';

/**
 * Runs one command line and gives the exit code; nothing is thrown.
 * @param args what follows the program's name
 */
export async function run(args: readonly string[], world: World): Promise<number> {
  const usage: string[] = [];
  const program = buildProgram(world, (text) => usage.push(text.trimEnd()));
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCodes.done;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return exitCodes.done;
      return report(usageError(error, usage), args, world);
    }
    return report(asProductError(error), args, world);
  }
}

/** A group without a command prints its help, which commander calls an error without a text. */
function usageError(error: CommanderError, usage: readonly string[]): ProductError {
  const text = usage.join('\n').replace(/^error: /, '');
  if (error.code === 'commander.help')
    return new ProductError('InvalidInput', `A command is missing.\n\n${text}`);
  const [what = error.message, ...rest] = text.split('\n');
  const hint = rest
    .map((line) => line.replace(/^\((.*)\)$/, '$1'))
    .join(' ')
    .trim();
  return new ProductError('InvalidInput', sentence(what), hint === '' ? {} : { hint });
}

function sentence(text: string): string {
  const upper = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.?!)]$/.test(upper) ? upper : `${upper}.`;
}

function report(error: ProductError, args: readonly string[], { terminal }: World): number {
  terminal.err(asksForJson(args) ? errorJson(error) : errorLines(error));
  return error.exitCode;
}

/** Read from the words themselves: parsing may be what failed. */
function asksForJson(args: readonly string[]): boolean {
  const before = args.includes('--') ? args.slice(0, args.indexOf('--')) : args;
  return before.some(
    (word, index) =>
      word === '--json' || word === '--format=json' || (word === '--format' && before[index + 1] === 'json'),
  );
}
