import type * as z from 'zod';
import { defaultNamespace } from '#shared/model/names.ts';
import { maxPageSize, type ListVolumesQuery } from '#shared/model/routes.ts';
import type { Volume } from '#shared/model/volume.ts';
import { listVolumes } from './list-volumes.ts';
import type { Ports } from './ports.ts';

type Query = z.output<typeof ListVolumesQuery>;

interface SeedListAnswer {
  readonly status: 200;
  readonly body: Volume[];
  readonly headers: Readonly<Record<string, string>>;
}

/** The bare array of the first documents, up to 1,000; `Link: rel="next"` says where it goes on (RFC 8288). */
export async function seedList(ports: Ports, query: Query): Promise<SeedListAnswer> {
  const { items, cursor } = await listVolumes(ports, defaultNamespace, {
    ...query,
    limit: query.limit ?? maxPageSize,
  });
  return {
    status: 200,
    body: items,
    headers: cursor === undefined ? {} : { link: `<${nextPath(query, cursor)}>; rel="next"` },
  };
}

function nextPath({ label = [], type, deleted, limit }: Query, cursor: string): string {
  const next = new URLSearchParams(label.map((condition): [string, string] => ['label', condition]));
  if (type !== undefined) next.set('type', type);
  if (deleted !== undefined) next.set('deleted', String(deleted));
  if (limit !== undefined) next.set('limit', String(limit));
  next.set('cursor', cursor);
  return `/api/volumes?${next.toString()}`;
}
