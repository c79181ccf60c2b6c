import * as z from 'zod';
import {
  BeginImport,
  CompleteExport,
  CompleteImport,
  CreateExport,
  Export,
  ExportParts,
  Import,
  ImportSource,
  ImportSourceRequest,
  SignedParts,
  SignedUrl,
  WantedParts,
} from './archive-transfer.ts';
import { OperationId } from './names.ts';
import { Operation } from './operation.ts';
import { ns, onVolume, volumePath, type Route } from './route.ts';

const onExport = z.strictObject({ ...ns, operation: OperationId });
const exportPath = '/v1/namespaces/{namespace}/exports/{operation}';
const onImport = z.strictObject({ ...ns, upload: OperationId });
const importPath = '/v1/namespaces/{namespace}/imports/{upload}';

/** A volume's files as an archive to the caller, and back. The bytes go to S3 and from there, never through a function. */
export const transferRoutes = {
  createExport: {
    method: 'POST',
    path: `${volumePath}/exports`,
    served: 'backups',
    summary: 'Have a host pack a volume’s files',
    params: onVolume,
    body: CreateExport,
    answers: { 202: Operation },
  },
  getExport: {
    method: 'GET',
    path: exportPath,
    served: 'backups',
    summary: 'Read how far an export is',
    params: onExport,
    answers: { 200: Export },
  },
  // A POST: who may only list and read must not get at the files.
  signExport: {
    method: 'POST',
    path: `${exportPath}/url`,
    served: 'backups',
    summary: 'Get a URL, good for some minutes, that the archive is fetched from',
    params: onExport,
    answers: { 200: SignedUrl },
  },
  removeExport: {
    method: 'DELETE',
    path: exportPath,
    served: 'backups',
    summary: 'Remove the archive of an export once it was fetched',
    params: onExport,
    answers: { 200: Export },
  },
  beginImport: {
    method: 'POST',
    path: `${volumePath}/imports`,
    served: 'backups',
    summary: 'Begin to send an archive to a volume: empty, or in place of what it holds',
    params: onVolume,
    body: BeginImport,
    answers: { 201: Import },
  },
  getImport: {
    method: 'GET',
    path: importPath,
    served: 'backups',
    summary: 'Read how far an import is',
    params: onImport,
    answers: { 200: Import },
  },
  signImportParts: {
    method: 'POST',
    path: `${importPath}/parts`,
    served: 'backups',
    summary: 'Get URLs, good for some minutes, that parts are sent to',
    params: onImport,
    body: WantedParts,
    answers: { 200: SignedParts },
  },
  completeImport: {
    method: 'POST',
    path: `${importPath}/complete`,
    served: 'backups',
    summary: 'All parts are sent: have a host unpack them',
    params: onImport,
    body: CompleteImport,
    answers: { 202: Operation },
  },
} as const satisfies Record<string, Route>;

const onTask = z.strictObject({ operation: OperationId });

/** What a host needs for its own tasks of these. */
export const hostTransferRoutes = {
  signExportParts: {
    method: 'POST',
    path: '/v1/host/tasks/{operation}/parts',
    served: 'hosts',
    summary: 'Get URLs that parts of the archive are sent to',
    params: onTask,
    body: ExportParts,
    answers: { 200: SignedParts },
  },
  completeExport: {
    method: 'POST',
    path: '/v1/host/tasks/{operation}/complete',
    served: 'hosts',
    summary: 'All parts of the archive are sent',
    params: onTask,
    body: CompleteExport,
    answers: { 200: Operation },
  },
  importSource: {
    method: 'POST',
    path: '/v1/host/tasks/{operation}/source',
    served: 'hosts',
    summary: 'Get the URL of the archive that is to be unpacked',
    params: onTask,
    body: ImportSourceRequest,
    answers: { 200: ImportSource },
  },
} as const satisfies Record<string, Route>;
