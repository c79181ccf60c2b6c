import { given } from '../api/pages.ts';
import { oneName } from '../arguments.ts';
import type { Context } from '../context.ts';
import type { WaitFlags } from '../operation/options.ts';
import { consent } from './consent.ts';
import { settle } from './settle.ts';

interface DeleteFlags extends WaitFlags {
  readonly positional?: string | undefined;
  readonly name?: string | undefined;
  readonly force?: true | undefined;
  readonly purge?: true | undefined;
  readonly yes?: true | undefined;
}

export async function deleteVolume(context: Context, flags: DeleteFlags): Promise<void> {
  const name = oneName(flags.positional, flags.name);
  const purge = flags.purge === true;
  const question = purge
    ? `Delete ${name} and free its storage at once? Its data and its final backup are lost for good.`
    : `Delete ${name}? It can be undeleted until the undo window ends.`;
  await consent(context.world, { question, yes: flags.yes === true, needed: purge });
  const query = {
    ...given('force', flags.force === true ? ('true' as const) : undefined),
    ...given('purge', purge ? ('true' as const) : undefined),
  };
  const params = { namespace: context.namespace, name };
  const { body } = await context.api.call('deleteVolume', { params, query });
  const undo = purge ? 'Its storage is freed.' : `Undo with: hivemind volume undelete ${name}`;
  const gone = `Volume ${name} is deleted. ${undo}`;
  await settle(context, body, { flags, sentence: () => gone, gone });
}
