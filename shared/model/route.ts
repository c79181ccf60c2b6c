import * as z from 'zod';
import { Namespace, VolumeName } from './names.ts';
import { Operation } from './operation.ts';
import { Volume, VolumeType } from './volume.ts';

/** The function behind a route. */
export type ServedBy = 'volumes' | 'backups' | 'hosts';

/** One call of the API: the source of the router, of the client and of the OpenAPI document. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** With {placeholders}, as in OpenAPI. */
  readonly path: string;
  readonly summary: string;
  /** Which function serves it. */
  readonly served: ServedBy;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Success statuses with their bodies; problems are the same everywhere. */
  readonly answers: Readonly<Record<number, z.ZodType | null>>;
}

export const maxPageSize = 1000;

export const flag = z.enum(['true', 'false']).transform((text) => text === 'true');
export const paging = {
  cursor: z.string().max(2048).optional(),
  limit: z.coerce.number().int().min(1).max(maxPageSize).optional(),
};
export const ns = { namespace: Namespace };

export const Page = <T extends z.ZodType>(item: T, id: string) =>
  z
    .strictObject({
      items: z.array(item),
      cursor: z.string().optional().meta({ description: 'Present when there is more' }),
    })
    .meta({ id });

/** A change that either is done, or has begun. */
export const mutation = { 200: Volume, 202: Operation } as const;
export const volumePath = '/v1/namespaces/{namespace}/volumes/{name}';
export const onVolume = z.strictObject({ ...ns, name: VolumeName });

export const VolumePage = Page(Volume, 'VolumePage');

/** `label` may be repeated, each a condition: `key=value`, `key`, `!key`; all must hold. */
export const ListVolumesQuery = z.strictObject({
  label: z.array(z.string().max(512)).max(40).optional(),
  type: VolumeType.optional(),
  deleted: flag.optional().meta({ description: 'List tombstones instead' }),
  ...paging,
});
