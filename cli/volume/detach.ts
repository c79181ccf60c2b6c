import { randomUUID } from 'node:crypto';
import { given } from '../api/pages.ts';
import { oneName } from '../arguments.ts';
import type { Context } from '../context.ts';
import type { WaitFlags } from '../operation/options.ts';
import { consent } from './consent.ts';
import { settle } from './settle.ts';

interface DetachFlags extends WaitFlags {
  readonly positional?: string | undefined;
  readonly name?: string | undefined;
  readonly host?: string | undefined;
  readonly forceDetach?: true | undefined;
  readonly yes?: true | undefined;
}

export async function detachVolume(context: Context, flags: DetachFlags): Promise<void> {
  const name = oneName(flags.positional, flags.name);
  if (flags.forceDetach === true) {
    const question = `Take ${name} from its host by force? What that host has not synced is lost.`;
    await consent(context.world, { question, yes: flags.yes === true, needed: true });
  }
  const answer = await context.api.call('detachVolume', {
    params: { namespace: context.namespace, name },
    body: { ...given('host', flags.host), ...given('forceDetach', flags.forceDetach) },
    headers: { 'idempotency-key': randomUUID() },
  });
  await settle(context, answer.body, { flags, sentence: () => `Volume ${name} is detached.` });
}
