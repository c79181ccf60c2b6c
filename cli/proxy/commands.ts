import { act, examples, leaf } from '../command.ts';
import type { World } from '../world.ts';

export function proxyCommand(world: World) {
  return leaf('proxy', 'Serve the API on loopback, signing each call with your credentials')
    .option('--port <port>', 'port to listen on; 0 takes a free one (default: 3000)')
    .addHelpText(
      'after',
      examples(
        'hivemind proxy --port 3000',
        'curl http://localhost:3000/api/volumes   # in another terminal',
      ),
    )
    .action(async (options, command) =>
      act(world, command, async (context) => (await import('./proxy.ts')).serveProxy(context, options)),
    );
}
