import { Option, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { backupCommands } from './backup/commands.ts';
import { group } from './command.ts';
import { completionCommands } from './completion/commands.ts';
import { doctorCommand } from './doctor/commands.ts';
import { futureCommands } from './future.ts';
import { hostCommands } from './host/commands.ts';
import { operationCommands } from './operation/commands.ts';
import { proxyCommand } from './proxy/commands.ts';
import { version } from './version.ts';
import { versionCommand } from './version.command.ts';
import { volumeCommands } from './volume/commands.ts';
import type { World } from './world.ts';

const epilogue = `
Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 conflict or busy, 5 refused, 6 timed out.
Settings: a flag, else HIVEMIND_ENDPOINT, HIVEMIND_REGION, HIVEMIND_NAMESPACE, else the config file
(HIVEMIND_CONFIG, by default ~/.config/hivemind/config.json).`;

/**
 * The command tree. Only declarations: what a command does is imported when it runs, so that help starts fast.
 * @param usage takes what the parser has to say about a wrong command line
 */
export function buildProgram(world: World, usage: (text: string) => void): CommandUnknownOpts {
  const program = group('hivemind', 'Durable volumes for containers');
  program
    .enablePositionalOptions()
    .version(version, '-V, --version', 'print the version')
    .addHelpText('after', epilogue);
  for (const option of earlyOptions()) program.addOption(option);
  program.addCommand(volumeCommands(world));
  program.addCommand(backupCommands(world));
  program.addCommand(hostCommands(world));
  program.addCommand(operationCommands(world));
  program.addCommand(doctorCommand(world));
  program.addCommand(proxyCommand(world));
  for (const command of completionCommands(world, program)) {
    program.addCommand(command, { hidden: command.name() === 'complete' });
  }
  program.addCommand(versionCommand(world));
  for (const command of futureCommands()) program.addCommand(command, { hidden: true });
  configure(program, world, usage);
  return program;
}

/** Flags that may also stand before the command, as in `hivemind --json volume ls`. */
function earlyOptions(): Option[] {
  return ['--namespace <name>', '--endpoint <url>', '--region <region>', '--profile <name>', '--json']
    .map((flags) => new Option(flags).hideHelp())
    .concat(new Option('--format <format>').choices(['table', 'json']).hideHelp());
}

function configure(command: CommandUnknownOpts, world: World, usage: (text: string) => void): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => world.terminal.out(text.trimEnd()),
    writeErr: usage,
    outputError: (text, write) => write(text),
  });
  command.configureHelp({ groupItems: ownOptionsFirst });
  command.showHelpAfterError(`See: ${pathOf(command)} --help`);
  for (const child of command.commands) configure(child, world, usage);
}

/** What is special about a command before what all commands have. */
function ownOptionsFirst<T extends CommandUnknownOpts | Option>(
  _sorted: T[],
  visible: T[],
  groupOf: (item: T) => string,
): Map<string, T[]> {
  const headings = [...new Set(visible.map(groupOf))].toSorted((one, other) => rank(one) - rank(other));
  return new Map(headings.map((heading) => [heading, visible.filter((item) => groupOf(item) === heading)]));
}

function rank(heading: string): number {
  return heading === 'Options:' ? 0 : 1;
}

function pathOf(command: CommandUnknownOpts): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
