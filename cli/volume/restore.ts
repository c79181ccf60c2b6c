import { randomUUID } from 'node:crypto';
import { given } from '../api/pages.ts';
import { oneName } from '../arguments.ts';
import type { Context } from '../context.ts';
import type { WaitFlags } from '../operation/options.ts';
import { settle } from './settle.ts';

interface RestoreFlags extends WaitFlags {
  readonly positional?: string | undefined;
  readonly name?: string | undefined;
  readonly backup: string;
  readonly zone?: string | undefined;
}

export async function restoreVolume(context: Context, flags: RestoreFlags): Promise<void> {
  const { api, namespace } = context;
  const name = oneName(flags.positional, flags.name);
  const body = { name, ...given('availabilityZone', flags.zone) };
  const { body: answer } = await api.call('restoreBackup', {
    params: { namespace, backup: flags.backup },
    body,
    headers: { 'idempotency-key': randomUUID() },
  });
  const sentence = (): string => `Volume ${name} is restored from ${flags.backup}.`;
  await settle(context, answer, { flags, sentence });
}
