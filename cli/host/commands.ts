import { act, examples, group, leaf } from '../command.ts';
import type { World } from '../world.ts';

export function hostCommands(world: World) {
  const hosts = group('host', 'List, show and drain hosts').alias('hosts');
  hosts.addCommand(list(world));
  hosts.addCommand(inspect(world));
  hosts.addCommand(drain(world));
  return hosts;
}

function list(world: World) {
  return leaf('ls', 'List hosts')
    .alias('list')
    .option('-q, --quiet', 'print ids only')
    .addHelpText('after', examples('hivemind host ls', 'hivemind host ls --json'))
    .action(async (options, command) =>
      act(world, command, async (context) => (await import('./list.ts')).listHosts(context, options)),
    );
}

function inspect(world: World) {
  return leaf('inspect', 'Show one host with its volumes')
    .alias('show')
    .argument('[host]', 'instance id of the host')
    .option('--host <id>', 'instance id of the host')
    .addHelpText('after', examples('hivemind host inspect i-0123456789abcdef0'))
    .action(async (host, options, command) =>
      act(world, command, async (context) =>
        (await import('./inspect.ts')).inspectHost(context, { ...options, positional: host }),
      ),
    );
}

function drain(world: World) {
  return leaf('drain', 'Hand on the idle volumes of a host, take no new ones, and wait for those in use')
    .argument('[host]', 'instance id of the host')
    .option('--host <id>', 'instance id of the host')
    .option('--cancel', 'end the drain: the host may take volumes again')
    .option('--wait', 'wait until the host has no volume any more (the default)')
    .option('--no-wait', 'return as soon as the drain has begun')
    .option('--timeout <duration>', 'wait at most this long, such as 90s, 10m (default: 15m)')
    .addHelpText(
      'after',
      examples(
        'hivemind host drain i-0123456789abcdef0 --timeout 10m',
        'hivemind host drain i-0123456789abcdef0 --cancel',
      ),
    )
    .action(async (host, options, command) =>
      act(world, command, async (context) =>
        (await import('./drain.ts')).drainHost(context, { ...options, positional: host }),
      ),
    );
}
