import { randomUUID } from 'node:crypto';
import { ProductError } from '#shared/model/errors.ts';
import { given } from '../../api/pages.ts';
import { oneName } from '../../arguments.ts';
import type { Context } from '../../context.ts';
import { printResult } from '../../render/result.ts';
import { copyToOf, repositoryOf, retentionOf, settingsOf, type SettingFlags } from './settings.ts';

export async function createPolicy(context: Context, flags: SettingFlags): Promise<void> {
  const name = oneName(flags.positional, flags.name);
  const { schedule, selector, ...rest } = settingsOf(flags);
  if (schedule === undefined || selector === undefined)
    throw new ProductError('InvalidInput', 'A policy needs a schedule and a selector.', {
      allowed: '--schedule "0 2 * * *" and --selector backup=true',
    });
  const copyTo = copyToOf(flags) ?? undefined;
  const repository = repositoryOf(flags) ?? undefined;
  const retention = retentionOf(flags) ?? {};
  const places = { ...given('copyTo', copyTo), ...given('repository', repository) };
  const body = { name, schedule, selector, ...rest, ...places, retention };
  const { api, namespace } = context;
  const headers = { 'idempotency-key': randomUUID() };
  const policy = (await api.call('createPolicy', { params: { namespace }, body, headers })).body;
  const next = policy.nextRun === undefined ? '' : ` It runs next at ${policy.nextRun}.`;
  const kept =
    Object.keys(policy.retention).length === 0 ? ' No rule is given: all its backups are kept.' : '';
  printResult(context, policy, `Policy ${name} is ${policy.state}.${next}${kept}`);
}
