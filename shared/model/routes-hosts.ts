import * as z from 'zod';
import {
  Assignment,
  ClaimAnswer,
  ClaimRequest,
  FormatTicket,
  FormattedRequest,
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
import { CutAnswer, CutRequest, TaskReport } from './task.ts';
import { OperationId, VolumeId, VolumeName } from './names.ts';
import { Operation } from './operation.ts';
import { mutation, paging, VolumePage, type Route } from './route.ts';
import { CreateVolume, Volume } from './volume.ts';

const onAttachment = z.strictObject({ volumeId: VolumeId });
const onTask = z.strictObject({ operation: OperationId });

/** Calls of hosts about themselves. Which host is calling is in the signature. */
export const hostRoutes = {
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
  cutVolume: {
    method: 'POST',
    path: '/v1/host/tasks/{operation}/cut',
    served: 'hosts',
    summary: 'The filesystem is frozen: make the snapshot before answering',
    params: onTask,
    body: CutRequest,
    answers: { 200: CutAnswer },
  },
  reportTask: {
    method: 'POST',
    path: '/v1/host/tasks/{operation}/result',
    served: 'hosts',
    summary: 'How a task ended',
    params: onTask,
    body: TaskReport,
    answers: { 200: Operation },
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
