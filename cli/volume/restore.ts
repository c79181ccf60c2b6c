import { randomUUID } from 'node:crypto';
import { isProductError, ProductError } from '#shared/model/errors.ts';
import { parsePairs } from '#shared/model/labels.ts';
import { given } from '../api/pages.ts';
import { isOperation } from '../api/volume-answer.ts';
import { oneName } from '../arguments.ts';
import type { Context } from '../context.ts';
import type { WaitFlags } from '../operation/options.ts';
import { consentToReplace, whereOldContentIs } from './in-place.ts';
import { settle } from './settle.ts';

interface RestoreFlags extends WaitFlags {
  readonly positional?: string | undefined;
  readonly name?: string | undefined;
  readonly backup?: string | undefined;
  readonly input?: string | undefined;
  readonly host?: string | undefined;
  readonly zone?: string | undefined;
  readonly force?: true | undefined;
  readonly yes?: true | undefined;
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
  const inPlace = await exists(context, name);
  if (inPlace) await consentToReplace(context, { name, source: backup, yes: flags.yes === true });
  const body = {
    name,
    ...given('availabilityZone', flags.zone),
    ...given('inPlace', inPlace ? true : undefined),
    // There is nothing to wait for where no volume of the name is.
    ...given('force', inPlace ? flags.force : undefined),
    ...given('host', flags.host),
    ...given('options', flags.options === undefined ? undefined : parsePairs(flags.options, 'option')),
  };
  const { body: answer } = await api.call('restoreBackup', {
    params: { namespace, backup },
    body,
    headers: { 'idempotency-key': randomUUID() },
  });
  const kept = isOperation(answer) ? whereOldContentIs(answer) : '';
  const sentence = (): string => `Volume ${name} is restored from ${backup}.${kept}`;
  await settle(context, answer, { flags, sentence });
}

async function exists({ api, namespace }: Context, name: string): Promise<boolean> {
  try {
    await api.call('getVolume', { params: { namespace, name } });
    return true;
  } catch (error) {
    if (isProductError(error, 'VolumeNotFound')) return false;
    throw error;
  }
}

function nothingToRestore(): ProductError {
  return new ProductError('InvalidInput', 'What shall be restored?', {
    allowed: '--backup ID, or --input FILE.tar.gz',
    hint: 'List the backups: hivemind backup ls.',
  });
}
