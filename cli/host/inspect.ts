import { oneName } from '../arguments.ts';
import type { Context } from '../context.ts';
import { hostDetails } from '../render/host.ts';
import { printResult } from '../render/result.ts';

interface HostFlags {
  readonly positional?: string | undefined;
  readonly host?: string | undefined;
}

export async function inspectHost(context: Context, flags: HostFlags): Promise<void> {
  const params = { namespace: context.namespace, host: oneName(flags.positional, flags.host, 'host') };
  const host = (await context.api.call('getHost', { params })).body;
  printResult(context, host, hostDetails(host, context.world.now()));
}
