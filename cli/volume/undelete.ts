import { randomUUID } from 'node:crypto';
import type { Volume } from '#shared/model/volume.ts';
import { given } from '../api/pages.ts';
import { oneName } from '../arguments.ts';
import type { Context } from '../context.ts';
import type { WaitFlags } from '../operation/options.ts';
import { settle } from './settle.ts';

interface UndeleteFlags extends WaitFlags {
  readonly positional?: string | undefined;
  readonly name?: string | undefined;
  readonly as?: string | undefined;
  readonly id?: string | undefined;
}

export async function undeleteVolume(context: Context, flags: UndeleteFlags): Promise<void> {
  const name = oneName(flags.positional, flags.name);
  const { body } = await context.api.call('undeleteVolume', {
    params: { namespace: context.namespace, name },
    body: { ...given('as', flags.as), ...given('id', flags.id) },
    headers: { 'idempotency-key': randomUUID() },
  });
  const sentence = (volume: Volume): string => {
    const as = volume.name === name ? '' : ` as ${volume.name}`;
    return `Volume ${name} is back${as}: ${volume.state}.`;
  };
  await settle(context, body, { flags, sentence });
}
