import { randomUUID } from 'node:crypto';
import { given } from '../api/pages.ts';
import { oneName } from '../arguments.ts';
import type { Context } from '../context.ts';
import { printResult } from '../render/result.ts';

interface UndeleteFlags {
  readonly positional?: string | undefined;
  readonly name?: string | undefined;
  readonly as?: string | undefined;
  readonly id?: string | undefined;
}

export async function undeleteVolume(context: Context, flags: UndeleteFlags): Promise<void> {
  const name = oneName(flags.positional, flags.name);
  const volume = (
    await context.api.call('undeleteVolume', {
      params: { namespace: context.namespace, name },
      body: { ...given('as', flags.as), ...given('id', flags.id) },
      headers: { 'idempotency-key': randomUUID() },
    })
  ).body;
  const as = volume.name === name ? '' : ` as ${volume.name}`;
  printResult(context, volume, `Volume ${name} is back${as}: ${volume.state}.`);
}
