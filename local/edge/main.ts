import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startEdge } from './edge.ts';
import { EdgeError } from './errors.ts';
import { settingsOf } from './settings.ts';

/** `edge --home DIR`: serves until SIGTERM or SIGINT. One line on standard output says where. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { home: { type: 'string' } } });
  const home = values.home ?? process.env['HIVEMIND_HOME'];
  if (home === undefined) throw new EdgeError('Usage', 'edge --home DIR: the folder of the local cloud');
  const edge = await startEdge(settingsOf(home));
  const { aws, api } = edge.ports;
  process.stdout.write(`${JSON.stringify({ message: 'edge serves', home: join(home), aws, api })}\n`);
  const stop = (): void => {
    void edge.close().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof EdgeError ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
