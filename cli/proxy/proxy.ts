import { ProductError } from '#shared/model/errors.ts';
import type { Context } from '../context.ts';
import { credentialsOf } from '../settings/credentials.ts';
import { startProxy } from './server.ts';

interface ProxyFlags {
  readonly port?: string | undefined;
}

/** Serves until it is interrupted. */
export async function serveProxy({ settings, world }: Context, flags: ProxyFlags): Promise<void> {
  const port = parsePort(flags.port ?? '3000');
  const credentials = credentialsOf(settings.credentials);
  // Without credentials every call would fail: say so now.
  await credentials();
  const interrupted = world.interrupted();
  const proxy = await startProxy({
    endpoint: settings.endpoint.value,
    region: settings.region.value,
    credentials,
    port,
  });
  world.terminal.err(
    `Serving ${settings.endpoint.value} at http://localhost:${proxy.port} as you. Ctrl-C ends it.`,
  );
  world.terminal.err('Whoever can reach this port on this machine acts as you.');
  await interrupted;
  await proxy.close();
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new ProductError('InvalidInput', `"${text}" is not a port.`, { value: text, allowed: '0 to 65535' });
}
