import * as z from 'zod';
import {
  Assignment,
  ClaimAnswer,
  ClaimRequest,
  DrainHost,
  FormatTicket,
  FormattedRequest,
  Host,
  LeaseAnswer,
  LeaseRequest,
  PurgedRequest,
  RegisterHost,
  Registration,
  ReleaseRequest,
  SyncAnswer,
  SyncRequest,
  TicketRequest,
} from './host.ts';
import { HostId, Namespace, OperationId, VolumeId, VolumeName } from './names.ts';
import { Operation, OperationStatus } from './operation.ts';
import {
  AttachVolume,
  CreateVolume,
  DetachVolume,
  UndeleteVolume,
  UpdateVolume,
  Volume,
  VolumeType,
} from './volume.ts';

/** One call of the API: the source of the router, of the client and of the OpenAPI document. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** With {placeholders}, as in OpenAPI. */
  readonly path: string;
  readonly summary: string;
  /** Which function serves it. */
  readonly served: 'volumes' | 'hosts';
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Success statuses with their bodies; problems are the same everywhere. */
  readonly answers: Readonly<Record<number, z.ZodType | null>>;
}

export const maxPageSize = 1000;

const flag = z.enum(['true', 'false']).transform((text) => text === 'true');
const paging = {
  cursor: z.string().max(2048).optional(),
  limit: z.coerce.number().int().min(1).max(maxPageSize).optional(),
};
const ns = { namespace: Namespace };

const Page = <T extends z.ZodType>(item: T, id: string) =>
  z
    .strictObject({
      items: z.array(item),
      cursor: z.string().optional().meta({ description: 'Present when there is more' }),
    })
    .meta({ id });

export const VolumePage = Page(Volume, 'VolumePage');
export const OperationPage = Page(Operation, 'OperationPage');
export const HostPage = Page(Host, 'HostPage');

/** `label` may be repeated, each a condition: `key=value`, `key`, `!key`; all must hold. */
export const ListVolumesQuery = z.strictObject({
  label: z.array(z.string().max(512)).max(40).optional(),
  type: VolumeType.optional(),
  deleted: flag.optional().meta({ description: 'List tombstones instead' }),
  ...paging,
});

/** Seed's body of a delete. */
export const SeedDelete = z
  .strictObject({ name: VolumeName, force: z.boolean().default(false) })
  .meta({ id: 'SeedDelete' });
export const Identity = z
  .strictObject({
    arn: z.string(),
    userId: z.string(),
    account: z.string(),
    now: z.iso.datetime(),
    version: z.string(),
  })
  .meta({ id: 'Identity' });

const mutation = { 200: Volume, 202: Operation } as const;
const volumePath = '/v1/namespaces/{namespace}/volumes/{name}';
const onVolume = z.strictObject({ ...ns, name: VolumeName });
const onAttachment = z.strictObject({ volumeId: VolumeId });

/** The operations of the API by name. A 202 means: an operation is under way; `Location` names it. */
export const routes = {
  createVolume: {
    method: 'POST',
    path: '/v1/namespaces/{namespace}/volumes',
    served: 'volumes',
    summary: 'Create a volume; the same name and parameters give the same volume',
    params: z.strictObject(ns),
    body: CreateVolume,
    answers: { 200: Volume, 201: Volume, 202: Operation },
  },
  listVolumes: {
    method: 'GET',
    path: '/v1/namespaces/{namespace}/volumes',
    served: 'volumes',
    summary: 'List volumes by name',
    params: z.strictObject(ns),
    query: ListVolumesQuery,
    answers: { 200: VolumePage },
  },
  getVolume: {
    method: 'GET',
    path: volumePath,
    served: 'volumes',
    summary: 'Read one volume with its attachments',
    params: onVolume,
    answers: { 200: Volume },
  },
  updateVolume: {
    method: 'PATCH',
    path: volumePath,
    served: 'volumes',
    summary: 'Change labels, description or protection',
    params: onVolume,
    body: UpdateVolume,
    answers: { 200: Volume },
  },
  deleteVolume: {
    method: 'DELETE',
    path: volumePath,
    served: 'volumes',
    summary: 'Delete a volume; it can be undeleted until the undo window ends',
    params: onVolume,
    query: z.strictObject({ force: flag.optional(), purge: flag.optional() }),
    answers: mutation,
  },
  undeleteVolume: {
    method: 'POST',
    path: `${volumePath}/undelete`,
    served: 'volumes',
    summary: 'Bring a deleted volume back',
    params: onVolume,
    body: UndeleteVolume,
    answers: { 200: Volume },
  },
  attachVolume: {
    method: 'POST',
    path: `${volumePath}/attach`,
    served: 'volumes',
    summary: 'Attach a volume to a host',
    params: onVolume,
    body: AttachVolume,
    answers: mutation,
  },
  detachVolume: {
    method: 'POST',
    path: `${volumePath}/detach`,
    served: 'volumes',
    summary: 'Detach a volume from its host',
    params: onVolume,
    body: DetachVolume,
    answers: mutation,
  },
  listOperations: {
    method: 'GET',
    path: '/v1/namespaces/{namespace}/operations',
    served: 'volumes',
    summary: 'List operations, newest first',
    params: z.strictObject(ns),
    query: z.strictObject({ volume: VolumeName.optional(), status: OperationStatus.optional(), ...paging }),
    answers: { 200: OperationPage },
  },
  getOperation: {
    method: 'GET',
    path: '/v1/namespaces/{namespace}/operations/{operation}',
    served: 'volumes',
    summary: 'Read one operation',
    params: z.strictObject({ ...ns, operation: OperationId }),
    answers: { 200: Operation },
  },
  listHosts: {
    method: 'GET',
    path: '/v1/namespaces/{namespace}/hosts',
    served: 'volumes',
    summary: 'List hosts',
    params: z.strictObject(ns),
    query: z.strictObject(paging),
    answers: { 200: HostPage },
  },
  getHost: {
    method: 'GET',
    path: '/v1/namespaces/{namespace}/hosts/{host}',
    served: 'volumes',
    summary: 'Read one host with its volumes',
    params: z.strictObject({ ...ns, host: HostId }),
    answers: { 200: Host },
  },
  drainHost: {
    method: 'POST',
    path: '/v1/namespaces/{namespace}/hosts/{host}/drain',
    served: 'volumes',
    summary: 'Hand on idle volumes and take no new ones, or end that',
    params: z.strictObject({ ...ns, host: HostId }),
    body: DrainHost,
    answers: { 200: Host },
  },
  whoAmI: {
    method: 'GET',
    path: '/v1/identity',
    served: 'volumes',
    summary: 'Who the API takes the caller for',
    answers: { 200: Identity },
  },

  seedCreate: {
    method: 'POST',
    path: '/api/volumes/create',
    served: 'volumes',
    summary: 'Create a volume in the default namespace',
    body: CreateVolume,
    answers: { 200: Volume, 201: Volume, 202: Operation },
  },
  seedList: {
    method: 'GET',
    path: '/api/volumes',
    served: 'volumes',
    summary: 'List volumes of the default namespace as a bare array, with Link: rel=next',
    query: ListVolumesQuery,
    answers: { 200: z.array(Volume) },
  },
  seedDelete: {
    method: 'POST',
    path: '/api/volumes/delete',
    served: 'volumes',
    summary: 'Delete a volume of the default namespace',
    body: SeedDelete,
    answers: mutation,
  },
  seedDeploy: {
    method: 'POST',
    path: '/api/deploy',
    served: 'volumes',
    summary: 'Deploy an application: answers 501 in this release',
    body: z.unknown(),
    answers: {},
  },

  registerHost: {
    method: 'POST',
    path: '/v1/host/register',
    served: 'hosts',
    summary: 'The calling host is up',
    body: RegisterHost,
    answers: { 200: Registration },
  },
  syncHost: {
    method: 'POST',
    path: '/v1/host/sync',
    served: 'hosts',
    summary: 'Report what is, fetch what should be',
    body: SyncRequest,
    answers: { 200: SyncAnswer },
  },
  hostCreateVolume: {
    method: 'POST',
    path: '/v1/host/volumes',
    served: 'hosts',
    summary: 'Create a volume in the host’s namespace',
    body: CreateVolume,
    answers: { 200: Volume, 201: Volume, 202: Operation },
  },
  hostListVolumes: {
    method: 'GET',
    path: '/v1/host/volumes',
    served: 'hosts',
    summary: 'List the volumes of the host’s namespace',
    query: z.strictObject(paging),
    answers: { 200: VolumePage },
  },
  hostGetVolume: {
    method: 'GET',
    path: '/v1/host/volumes/{name}',
    served: 'hosts',
    summary: 'Read one volume of the host’s namespace',
    params: z.strictObject({ name: VolumeName }),
    answers: { 200: Volume },
  },
  hostDeleteVolume: {
    method: 'DELETE',
    path: '/v1/host/volumes/{name}',
    served: 'hosts',
    summary: 'Delete a volume that nothing uses',
    params: z.strictObject({ name: VolumeName }),
    answers: mutation,
  },
  claimVolume: {
    method: 'POST',
    path: '/v1/host/volumes/{name}/claim',
    served: 'hosts',
    summary: 'Have a volume attached to the calling host',
    params: z.strictObject({ name: VolumeName }),
    body: ClaimRequest,
    answers: { 200: ClaimAnswer, 202: ClaimAnswer },
  },
  setLease: {
    method: 'POST',
    path: '/v1/host/attachments/{volumeId}/lease',
    served: 'hosts',
    summary: 'Set or clear inUse under the host’s epoch',
    params: onAttachment,
    body: LeaseRequest,
    answers: { 200: LeaseAnswer },
  },
  takeTicket: {
    method: 'POST',
    path: '/v1/host/attachments/{volumeId}/ticket',
    served: 'hosts',
    summary: 'Take the one-time format ticket',
    params: onAttachment,
    body: TicketRequest,
    answers: { 200: FormatTicket },
  },
  reportFormatted: {
    method: 'POST',
    path: '/v1/host/attachments/{volumeId}/formatted',
    served: 'hosts',
    summary: 'The ticket was used; or the filesystem was mounted once',
    params: onAttachment,
    body: FormattedRequest,
    answers: { 200: Assignment },
  },
  releaseVolume: {
    method: 'POST',
    path: '/v1/host/attachments/{volumeId}/release',
    served: 'hosts',
    summary: 'Give an idle attachment back',
    params: onAttachment,
    body: ReleaseRequest,
    answers: { 200: Volume, 202: Operation },
  },
  reportPurged: {
    method: 'POST',
    path: '/v1/host/purges/{volumeId}',
    served: 'hosts',
    summary: 'The directory of a deleted network volume is empty',
    params: onAttachment,
    body: PurgedRequest,
    answers: { 200: Volume },
  },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;
