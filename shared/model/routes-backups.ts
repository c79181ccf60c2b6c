import * as z from 'zod';
import {
  Backup,
  BackupKind,
  BackupOrigin,
  BackupState,
  CopyBackup,
  CreateBackup,
  HoldBackup,
  RestoreBackup,
} from './backup.ts';
import { DrillBackup } from './drill.ts';
import { BrowseBackup, ExtractBackup } from './extract.ts';
import { BackupId } from './names.ts';
import { Operation } from './operation.ts';
import { mutation, ns, onVolume, Page, paging, volumePath, type Route } from './route.ts';

export const BackupPage = Page(Backup, 'BackupPage');

const backupPath = '/v1/namespaces/{namespace}/backups/{backup}';
const onBackup = z.strictObject({ ...ns, backup: BackupId });

/** Calls about backups, for people and pipelines. */
export const backupRoutes = {
  createBackup: {
    method: 'POST',
    path: `${volumePath}/backups`,
    served: 'backups',
    summary: 'Back a volume up',
    params: onVolume,
    body: CreateBackup,
    answers: { 202: Operation },
  },
  listBackups: {
    method: 'GET',
    path: '/v1/namespaces/{namespace}/backups',
    served: 'backups',
    summary: 'List backups, newest first',
    params: z.strictObject(ns),
    query: z.strictObject({
      volume: z.string().max(128).optional().meta({ description: 'Name or id of a volume' }),
      state: BackupState.optional(),
      kind: BackupKind.optional(),
      origin: BackupOrigin.optional(),
      ...paging,
    }),
    answers: { 200: BackupPage },
  },
  getBackup: {
    method: 'GET',
    path: backupPath,
    served: 'backups',
    summary: 'Read one backup',
    params: onBackup,
    answers: { 200: Backup },
  },
  deleteBackup: {
    method: 'DELETE',
    path: backupPath,
    served: 'backups',
    summary: 'Remove a backup for good',
    params: onBackup,
    answers: { 202: Operation },
  },
  holdBackup: {
    method: 'POST',
    path: `${backupPath}/hold`,
    served: 'backups',
    summary: 'Put a backup under a hold: nothing removes it',
    params: onBackup,
    body: HoldBackup,
    answers: { 200: Backup },
  },
  releaseBackup: {
    method: 'POST',
    path: `${backupPath}/release`,
    served: 'backups',
    summary: 'End a hold',
    params: onBackup,
    answers: { 200: Backup },
  },
  copyBackup: {
    method: 'POST',
    path: `${backupPath}/copy`,
    served: 'backups',
    summary: 'Copy a backup to another Region, under the key of that one',
    params: onBackup,
    body: CopyBackup,
    answers: { 202: Operation },
  },
  drillBackup: {
    method: 'POST',
    path: `${backupPath}/drill`,
    served: 'backups',
    summary: 'Prove that a backup restores',
    params: onBackup,
    body: DrillBackup,
    answers: { 202: Operation },
  },
  browseBackup: {
    method: 'POST',
    path: `${backupPath}/browse`,
    served: 'backups',
    summary: 'Have a host list a directory of a backup',
    params: onBackup,
    body: BrowseBackup,
    answers: { 202: Operation },
  },
  extractBackup: {
    method: 'POST',
    path: `${backupPath}/extract`,
    served: 'backups',
    summary: 'Have a host read a file or a directory of a backup',
    params: onBackup,
    body: ExtractBackup,
    answers: { 202: Operation },
  },
  restoreBackup: {
    method: 'POST',
    path: `${backupPath}/restore`,
    served: 'backups',
    summary: 'Restore a backup, to a new volume or in place',
    params: onBackup,
    body: RestoreBackup,
    answers: mutation,
  },
} as const satisfies Record<string, Route>;
