import { Command, Option } from '@commander-js/extra-typings';
import type { Context } from './context.ts';
import type { ConnectionFlags, GlobalFlags } from './settings/flags.ts';
import type { World } from './world.ts';

const connection = 'Connection:';
const output = 'Output:';

/** A command with the flags that all have. Usage errors are thrown, never exits from within. */
export function leaf(name: string, summary: string) {
  return leafOfRegion(name, summary).addOption(
    new Option('--region <region>', 'AWS region of the API').helpGroup(connection),
  );
}

/** One whose own `--region` says something else: that of the API stands before the command, or in the settings. */
export function leafOfRegion(name: string, summary: string) {
  return group(name, summary)
    .addOption(new Option('--json', 'same as --format json').helpGroup(output))
    .addOption(
      new Option('--format <format>', 'how to print results')
        .choices(['table', 'json'] as const)
        .helpGroup(output),
    )
    .addOption(new Option('--namespace <name>', 'namespace of the volumes and hosts').helpGroup(connection))
    .addOption(new Option('--endpoint <url>', 'URL of the API').helpGroup(connection))
    .addOption(new Option('--profile <name>', 'AWS profile to take credentials from').helpGroup(connection));
}

/** A command that only holds others. */
export function group(name: string, summary: string) {
  return new Command(name).description(summary).exitOverride().helpOption('-h, --help', 'show this help');
}

/** Adds examples under the help of a command. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;
}

/** What a command's action is wrapped in: flags given before the command count too, the command's own first. */
export async function act(
  world: World,
  command: { optsWithGlobals(): object; opts(): object },
  body: (context: Context) => Promise<void>,
): Promise<void> {
  const { openContext } = await import('./context.ts');
  await body(await openContext(world, globalFlags(command)));
}

/** As {@link act}, for a {@link leafOfRegion}: its own `--region` is none of the connection. */
export async function actOfRegion(
  world: World,
  command: {
    readonly parent: { optsWithGlobals(): object } | null;
    optsWithGlobals(): object;
    opts(): object;
  },
  body: (context: Context) => Promise<void>,
): Promise<void> {
  const before: ConnectionFlags = command.parent?.optsWithGlobals() ?? {};
  const { openContext } = await import('./context.ts');
  await body(await openContext(world, { ...globalFlags(command), region: before.region }));
}

export function globalFlags(command: { optsWithGlobals(): object; opts(): object }): GlobalFlags {
  const own = Object.entries(command.opts()).filter(([, value]) => value !== undefined);
  return { ...command.optsWithGlobals(), ...Object.fromEntries(own) };
}
