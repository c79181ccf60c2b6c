import { examples, globalFlags, leaf } from '../command.ts';
import type { World } from '../world.ts';

export function doctorCommand(world: World) {
  return leaf('doctor', 'Check credentials, clock, endpoint and, on a host, tools, roots and mounts')
    .option('--root <folder>', 'where volumes show on this host (default: /var/lib/hivemind/volumes)')
    .option('--socket <path>', 'health socket of the agent')
    .addHelpText('after', examples('hivemind doctor', 'hivemind doctor --json'))
    .action(async (options, command) =>
      (await import('./doctor.ts')).doctor(world, { ...globalFlags(command), ...options }),
    );
}
