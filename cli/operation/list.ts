import type { Operation, OperationStatus } from '#shared/model/operation.ts';
import { everyPage, given } from '../api/pages.ts';
import type { Context } from '../context.ts';
import { ago } from '../render/time.ts';
import { printList } from '../render/list.ts';

interface ListFlags {
  readonly volume?: string | undefined;
  readonly status?: string | undefined;
  readonly quiet?: true | undefined;
}

export async function listOperations(context: Context, flags: ListFlags): Promise<void> {
  const { api, namespace } = context;
  const operations = await everyPage(async (cursor) => {
    const query = {
      ...given('volume', flags.volume),
      // The API names the statuses when this is none of them.
      ...given('status', flags.status as OperationStatus | undefined),
      ...given('cursor', cursor),
    };
    return (await api.call('listOperations', { params: { namespace }, query })).body;
  });
  await printList(context, operations, {
    quiet: flags.quiet === true ? ({ id }) => id : undefined,
    columns: columns(context.world.now()),
  });
}

function columns(now: number): Readonly<Record<string, (operation: Operation) => string>> {
  return {
    ID: ({ id }) => id,
    KIND: ({ kind }) => kind,
    VOLUME: ({ volume }) => volume,
    HOST: ({ host }) => host ?? '',
    STATUS: ({ status }) => status,
    PROGRESS: ({ progress }) => `${progress}%`,
    BEGUN: ({ createdAt }) => ago(createdAt, now),
    MESSAGE: ({ error, message }) => error?.detail ?? message,
  };
}
