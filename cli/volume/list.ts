import { parseSelector, type LabelCondition } from '#shared/model/labels.ts';
import type { Volume, VolumeType } from '#shared/model/volume.ts';
import { everyPage, given } from '../api/pages.ts';
import type { Context } from '../context.ts';
import { printList } from '../render/list.ts';
import { deletedColumns, volumeColumns } from '../render/volume.ts';

interface ListFlags {
  readonly labels?: string | undefined;
  readonly type?: string | undefined;
  readonly deleted?: true | undefined;
  readonly quiet?: true | undefined;
}

export async function listVolumes(context: Context, flags: ListFlags): Promise<void> {
  const now = context.world.now();
  await printList(context, await readAll(context, flags), {
    quiet: flags.quiet === true ? ({ name }) => name : undefined,
    columns: flags.deleted === true ? deletedColumns(now) : volumeColumns(now),
  });
}

async function readAll({ api, namespace }: Context, flags: ListFlags): Promise<Volume[]> {
  const label = flags.labels === undefined ? [] : parseSelector(flags.labels).map(conditionText);
  return everyPage(async (cursor) => {
    const query = {
      ...given('label', label.length === 0 ? undefined : label),
      // The API names the types when this is none of them.
      ...given('type', flags.type as VolumeType | undefined),
      ...given('deleted', flags.deleted === true ? ('true' as const) : undefined),
      ...given('cursor', cursor),
      limit: 1000,
    };
    return (await api.call('listVolumes', { params: { namespace }, query })).body;
  });
}

function conditionText(condition: LabelCondition): string {
  if (condition.kind === 'equals') return `${condition.key}=${condition.value}`;
  return condition.kind === 'has' ? condition.key : `!${condition.key}`;
}
