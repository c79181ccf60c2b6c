import { randomUUID } from 'node:crypto';
import { ProductError } from '#shared/model/errors.ts';
import type { Host } from '#shared/model/host.ts';
import { oneName, parseDuration } from '../arguments.ts';
import type { Context } from '../context.ts';
import { hostVolumeText } from '../render/host.ts';
import { printResult } from '../render/result.ts';
import type { Progress } from '../terminal/terminal.ts';

interface DrainFlags {
  readonly positional?: string | undefined;
  readonly host?: string | undefined;
  readonly cancel?: true | undefined;
  readonly wait?: boolean | undefined;
  readonly timeout?: string | undefined;
}

const pause = 1000;

export async function drainHost(context: Context, flags: DrainFlags): Promise<void> {
  const id = oneName(flags.positional, flags.host, 'host');
  const params = { namespace: context.namespace, host: id };
  const draining = flags.cancel !== true;
  const headers = { 'idempotency-key': randomUUID() };
  const host = (await context.api.call('drainHost', { params, body: { draining }, headers })).body;
  if (!draining) return printResult(context, host, `Host ${id} may take volumes again.`);
  if (flags.wait === false) return printResult(context, host, `Host ${id} is being drained.`);
  const empty = await untilEmpty(context, id, flags.timeout ?? '15m');
  printResult(context, empty, `Host ${id} is drained: it has no volume any more.`);
}

/** Waits until the host has no volume; names those in use with their containers, for they need somebody to act. */
async function untilEmpty(context: Context, id: string, timeout: string): Promise<Host> {
  const { api, namespace, world } = context;
  const deadline = world.now() + parseDuration(timeout);
  const progress = world.terminal.progress(`drain ${id}`);
  let most = 0;
  for (;;) {
    const host = (await api.call('getHost', { params: { namespace, host: id } })).body;
    const left = host.volumes ?? [];
    most = Math.max(most, left.length);
    if (left.length === 0) {
      progress.done(`drain ${id}: done`);
      return host;
    }
    if (world.now() >= deadline) throw notEmpty(host, timeout, progress);
    progress.report(Math.round((100 * (most - left.length)) / most), stillThere(left));
    await world.sleep(Math.min(pause, Math.max(0, deadline - world.now())));
  }
}

function stillThere(volumes: NonNullable<Host['volumes']>): string {
  return volumes.map(hostVolumeText).join('; ');
}

function notEmpty(host: Host, timeout: string, progress: Progress): ProductError {
  progress.failed(`drain ${host.id}: not done`);
  const volumes = host.volumes ?? [];
  const used = volumes.filter(({ inUse }) => inUse);
  return new ProductError(
    'TimedOut',
    `Host ${host.id} still has ${volumes.length} ${volumes.length === 1 ? 'volume' : 'volumes'} after ${timeout}.`,
    {
      issues: volumes.map((volume) => ({ path: '', message: hostVolumeText(volume) })),
      hint:
        used.length === 0
          ? 'They are being handed on. Run the same command again to wait on.'
          : 'Stop the containers named above; then run the same command again. The drain goes on until --cancel.',
      about: { host: host.id },
    },
  );
}
