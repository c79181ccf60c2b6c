import { RootCommand, type ArgumentHandler, type OptionHandler } from '@bomb.sh/tab';
import type { CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { World } from '../world.ts';
import { bashScript } from './bash.ts';
import { fishScript } from './fish.ts';
import { namesFor, withoutAliases } from './names.ts';
import { zshScript } from './zsh.ts';

const scripts = new Map([
  ['bash', bashScript],
  ['zsh', zshScript],
  ['fish', fishScript],
]);

/** Prints the script that a shell sources. */
export function printScript({ terminal }: World, shell: string): void {
  const own = scripts.get(shell);
  if (own !== undefined) return terminal.out(own.trimEnd());
  new RootCommand().setup('hivemind', 'hivemind', shell);
}

/**
 * Answers one request of a script: candidates, one per line, then a directive.
 * @param words the command line after the program's name; the last is the one under the cursor
 */
export async function complete(
  world: World,
  program: CommandUnknownOpts,
  words: readonly string[],
): Promise<void> {
  const names = await namesFor(world, program, words);
  const root = new RootCommand();
  declare(root, program, { path: [], names });
  root.parse(withoutAliases(program, words));
}

interface Declaring {
  readonly path: readonly string[];
  readonly names: readonly string[];
}

/** Tells the completion library what commander knows, every command under its full path. */
function declare(root: RootCommand, command: CommandUnknownOpts, { path, names }: Declaring): void {
  const target = path.length === 0 ? root : root.command(path.join(' '), command.description());
  const help = command.createHelp();
  for (const option of help.visibleOptions(command)) declareOption(target, option, names);
  for (const argument of command.registeredArguments) {
    target.argument(argument.name(), offer(argument.argChoices ?? names), argument.variadic);
  }
  for (const child of help.visibleCommands(command)) {
    if (child.name() !== 'help') declare(root, child, { path: [...path, child.name()], names });
  }
}

function declareOption(
  target: ReturnType<RootCommand['command']>,
  option: Option,
  names: readonly string[],
): void {
  const name = option.long?.slice(2);
  if (name === undefined) return;
  const short = option.short?.slice(1);
  if (!option.required && !option.optional) {
    target.option(name, option.description, short);
    return;
  }
  const values: readonly string[] =
    option.argChoices ?? knownValues[name] ?? (takesName.has(name) ? names : []);
  target.option(name, option.description, offer(values) satisfies OptionHandler, short);
}

const takesName = new Set(['name', 'host', 'id', 'volume']);

/** Values that the API checks and commander therefore does not know. */
const knownValues: Readonly<Record<string, readonly string[]>> = {
  type: ['local', 'network', 'hostpath', 'ephemeral'],
  driver: ['ebs', 'efs', 'bind', 'tmpfs'],
  filesystem: ['ext4', 'xfs'],
  status: ['pending', 'running', 'succeeded', 'failed'],
};

function offer(values: readonly string[]): OptionHandler & ArgumentHandler {
  return (add) => {
    for (const value of values) add(value, '');
  };
}
