import { ProductError } from '#shared/model/errors.ts';
import type { UpdatePolicy } from '#shared/model/policy.ts';
import { given } from '../../api/pages.ts';
import { oneName } from '../../arguments.ts';
import type { Context } from '../../context.ts';
import { printResult } from '../../render/result.ts';
import { consent } from '../../volume/consent.ts';
import {
  copyToOf,
  repositoryOf,
  retentionOf,
  settingsOf,
  type NameFlags,
  type SettingFlags,
} from './settings.ts';

/** Rules are changed one by one: the others are read first, and the ETag sees to it that nobody changes them meanwhile. */
export async function updatePolicy(context: Context, flags: SettingFlags): Promise<void> {
  const { api, namespace } = context;
  const params = { namespace, policy: oneName(flags.positional, flags.name) };
  const asked = retentionOf(flags);
  const read = asked === undefined ? undefined : (await api.call('getPolicy', { params })).body;
  const retention = read === undefined ? undefined : retentionOf(flags, read.retention);
  const places = { ...given('copyTo', copyToOf(flags)), ...given('repository', repositoryOf(flags)) };
  const body: UpdatePolicy = { ...settingsOf(flags), ...places, ...given('retention', retention) };
  if (Object.keys(body).length === 0)
    throw new ProductError('InvalidInput', 'Nothing to change is given.', {
      allowed:
        '--schedule, --timezone, --selector, --keep-…, --consistency, --pre-hook, --post-hook, --engine, --s3-endpoint, --copy-to, --objective, --drill, --description',
    });
  const headers = read === undefined ? {} : { 'if-match': `"${read.revision}"` };
  const policy = (await api.call('updatePolicy', { params, body, headers })).body;
  printResult(context, policy, `Policy ${policy.name} is updated.`);
}

export async function pausePolicy(context: Context, flags: NameFlags): Promise<void> {
  const params = { namespace: context.namespace, policy: oneName(flags.positional, flags.name) };
  const policy = (await context.api.call('pausePolicy', { params })).body;
  const watched = 'Its alarm goes on watching: volumes get overdue while it is paused.';
  printResult(context, policy, `Policy ${policy.name} is paused. ${watched}`);
}

export async function resumePolicy(context: Context, flags: NameFlags): Promise<void> {
  const params = { namespace: context.namespace, policy: oneName(flags.positional, flags.name) };
  const policy = (await context.api.call('resumePolicy', { params })).body;
  printResult(
    context,
    policy,
    `Policy ${policy.name} is ${policy.state}. It runs next at ${policy.nextRun}.`,
  );
}

export async function deletePolicy(
  context: Context,
  flags: NameFlags & { readonly yes?: true | undefined },
): Promise<void> {
  const name = oneName(flags.positional, flags.name);
  const question = `Remove the policy ${name}? Its backups stay, and nothing prunes them any more.`;
  await consent(context.world, { question, yes: flags.yes === true, needed: true });
  const params = { namespace: context.namespace, policy: name };
  const policy = (await context.api.call('deletePolicy', { params })).body;
  printResult(context, policy, `Policy ${name} is removed. Its backups stay.`);
}
