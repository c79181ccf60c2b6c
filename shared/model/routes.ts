import * as z from 'zod';
import {
  flag,
  ListVolumesQuery,
  mutation,
  ns,
  onVolume,
  Page,
  paging,
  VolumePage,
  volumePath,
  type Route,
} from './route.ts';
import { backupRoutes } from './routes-backups.ts';
import { hostRoutes } from './routes-hosts.ts';
import { policyRoutes } from './routes-policies.ts';
import { hostTransferRoutes, transferRoutes } from './routes-transfers.ts';
import { DrainHost, Host } from './host.ts';
import { HostId, OperationId, VolumeName } from './names.ts';
import { Operation, OperationStatus } from './operation.ts';
import { AttachVolume, CreateVolume, DetachVolume, UndeleteVolume, UpdateVolume, Volume } from './volume.ts';

export const OperationPage = Page(Operation, 'OperationPage');
export const HostPage = Page(Host, 'HostPage');

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
    answers: mutation,
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

  ...backupRoutes,
  ...policyRoutes,
  ...transferRoutes,
  ...hostRoutes,
  ...hostTransferRoutes,
} as const satisfies Record<string, Route>;

export { ListVolumesQuery, maxPageSize, type Route, type ServedBy } from './route.ts';
export type RouteName = keyof typeof routes;
