import { randomUUID } from 'node:crypto';
import { ProductError } from '#shared/model/errors.ts';
import { parsePairs } from '#shared/model/labels.ts';
import { given } from '../api/pages.ts';
import { oneName } from '../arguments.ts';
import type { Context } from '../context.ts';
import type { WaitFlags } from '../operation/options.ts';
import { settle } from './settle.ts';

interface RestoreFlags extends WaitFlags {
  readonly positional?: string | undefined;
  readonly name?: string | undefined;
  readonly backup?: string | undefined;
  readonly input?: string | undefined;
  readonly host?: string | undefined;
  readonly zone?: string | undefined;
  readonly options?: string | undefined;
}

export async function restoreVolume(context: Context, flags: RestoreFlags): Promise<void> {
  const { input, backup } = flags;
  if (input !== undefined) {
    const { restoreFromFile } = await import('./restore-from-file.ts');
    return restoreFromFile(context, { ...flags, input });
  }
  if (backup === undefined) throw nothingToRestore();
  const { api, namespace } = context;
  const name = oneName(flags.positional, flags.name);
  const body = {
    name,
    ...given('availabilityZone', flags.zone),
    ...given('host', flags.host),
    ...given('options', flags.options === undefined ? undefined : parsePairs(flags.options, 'option')),
  };
  const { body: answer } = await api.call('restoreBackup', {
    params: { namespace, backup },
    body,
    headers: { 'idempotency-key': randomUUID() },
  });
  const sentence = (): string => `Volume ${name} is restored from ${backup}.`;
  await settle(context, answer, { flags, sentence });
}

function nothingToRestore(): ProductError {
  return new ProductError('InvalidInput', 'What shall be restored?', {
    allowed: '--backup ID, or --input FILE.tar.gz',
    hint: 'List the backups: hivemind backup ls.',
  });
}
