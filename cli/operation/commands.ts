import { act, examples, group, leaf } from '../command.ts';
import type { World } from '../world.ts';

export function operationCommands(world: World) {
  const operations = group('operation', 'List operations and wait for them').alias('operations');
  operations.addCommand(list(world));
  operations.addCommand(wait(world));
  return operations;
}

function list(world: World) {
  return leaf('ls', 'List operations, newest first')
    .alias('list')
    .option('--volume <name>', 'only those of this volume')
    .option('--status <status>', 'only pending, running, succeeded or failed ones')
    .option('-q, --quiet', 'print ids only')
    .addHelpText('after', examples('hivemind operation ls --volume my-data-volume --status failed'))
    .action(async (options, command) =>
      act(world, command, async (context) => (await import('./list.ts')).listOperations(context, options)),
    );
}

function wait(world: World) {
  return leaf('wait', 'Wait until an operation is done; fails as it fails')
    .argument('[id]', 'id of the operation')
    .option('--id <id>', 'id of the operation')
    .option('--timeout <duration>', 'wait at most this long, such as 90s, 10m (default: 15m)')
    .addHelpText('after', examples('hivemind operation wait op-01J0… --timeout 5m'))
    .action(async (id, options, command) =>
      act(world, command, async (context) =>
        (await import('./wait.ts')).waitForOperation(context, { ...options, positional: id }),
      ),
    );
}
