import { randomUUID } from 'node:crypto';
import { given } from '../api/pages.ts';
import { oneName } from '../arguments.ts';
import type { Context } from '../context.ts';
import type { WaitFlags } from '../operation/options.ts';
import { consent } from './consent.ts';
import { settle } from './settle.ts';

interface AttachFlags extends WaitFlags {
  readonly positional?: string | undefined;
  readonly name?: string | undefined;
  readonly host?: string | undefined;
  readonly readOnly?: true | undefined;
  readonly forceDetach?: true | undefined;
  readonly yes?: true | undefined;
}

export async function attachVolume(context: Context, flags: AttachFlags): Promise<void> {
  const name = oneName(flags.positional, flags.name);
  const host = oneName(undefined, flags.host, 'host');
  if (flags.forceDetach === true) {
    const question = `Take ${name} from the host that has it? What that host has not synced is lost.`;
    await consent(context.world, { question, yes: flags.yes === true, needed: true });
  }
  const body = { host, ...given('readOnly', flags.readOnly), ...given('forceDetach', flags.forceDetach) };
  const answer = await context.api.call('attachVolume', {
    params: { namespace: context.namespace, name },
    body,
    headers: { 'idempotency-key': randomUUID() },
  });
  await settle(context, answer.body, { flags, sentence: () => `Volume ${name} is attached to ${host}.` });
}
