import { everyPage, given } from '../api/pages.ts';
import type { Context } from '../context.ts';
import { hostColumns } from '../render/host.ts';
import { printList } from '../render/list.ts';

export async function listHosts(
  context: Context,
  { quiet }: { readonly quiet?: true | undefined },
): Promise<void> {
  const { api, namespace } = context;
  const hosts = await everyPage(
    async (cursor) =>
      (await api.call('listHosts', { params: { namespace }, query: { ...given('cursor', cursor) } })).body,
  );
  await printList(context, hosts, {
    quiet: quiet === true ? ({ id }) => id : undefined,
    columns: hostColumns(context.world.now()),
  });
}
