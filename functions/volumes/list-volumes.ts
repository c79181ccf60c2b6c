import type * as z from 'zod';
import { keys, partitions } from '#shared/aws/table/keys.ts';
import { parseItem } from '#shared/aws/table/writes.ts';
import type { NameItem } from '#shared/model/items.ts';
import { matchesLabels, parseSelector, type LabelCondition } from '#shared/model/labels.ts';
import { viewVolume } from '#shared/model/rules-view.ts';
import type { ListVolumesQuery } from '#shared/model/routes.ts';
import type { Volume } from '#shared/model/volume.ts';
import { collectPage, type Page } from './collect-page.ts';
import type { Ports } from './ports.ts';

type Query = z.output<typeof ListVolumesQuery>;

export const defaultPageSize = 100;

/** One page of a namespace's volumes by name; labels are looked up in their index, what else is asked is filtered. */
export async function listVolumes(
  ports: Pick<Ports, 'table'>,
  namespace: string,
  query: Query & { readonly limit?: number | undefined },
): Promise<Page<Volume>> {
  const conditions = (query.label ?? []).flatMap(parseSelector);
  const matches = (volume: Volume): boolean =>
    (query.type === undefined || volume.type === query.type) && matchesLabels(volume.labels, conditions);
  const show = async (rows: readonly NameItem[]): Promise<(Volume | undefined)[]> =>
    (await readVolumes(ports, rows)).map((volume) =>
      volume !== undefined && matches(volume) ? volume : undefined,
    );
  const page = { limit: query.limit ?? defaultPageSize, cursor: query.cursor, show };
  const { table } = ports;
  if (query.deleted === true) {
    return collectPage({
      ...page,
      pk: partitions.deleted(namespace),
      list: (asked) => table.list('tombstone', asked),
      sortKey: ({ name, volumeId }) => `${name}#${volumeId}`,
    });
  }
  const equals = conditions.find((condition) => condition.kind === 'equals');
  const sortKey = ({ name }: NameItem): string => name;
  return equals === undefined
    ? collectPage({
        ...page,
        pk: partitions.names(namespace),
        list: (asked) => table.list('name', asked),
        sortKey,
      })
    : collectPage({
        ...page,
        pk: labelPartition(namespace, equals),
        list: (asked) => table.list('label', asked),
        sortKey,
      });
}

function labelPartition(namespace: string, condition: LabelCondition & { kind: 'equals' }): string {
  return partitions.label(namespace, condition.key, condition.value);
}

/** In the order of the rows; undefined for what went between the index and the record. */
async function readVolumes(
  ports: Pick<Ports, 'table'>,
  rows: readonly NameItem[],
): Promise<(Volume | undefined)[]> {
  const wanted = rows.flatMap(({ volumeId }) => [keys.volume(volumeId), keys.lease(volumeId)]);
  const found = await ports.table.readMixed(wanted);
  return rows.map(({ volumeId }) => {
    const volume = found.get(idOf(keys.volume(volumeId)));
    const lease = found.get(idOf(keys.lease(volumeId)));
    if (volume === undefined) return undefined;
    return viewVolume(
      parseItem('volume', volume),
      lease === undefined ? undefined : parseItem('lease', lease),
    );
  });
}

function idOf({ pk, sk }: { readonly pk: string; readonly sk: string }): string {
  return `${pk} ${sk}`;
}
