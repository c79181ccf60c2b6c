import type { Wish } from '../identity.ts';
import {
  noFacts,
  requestTagContext,
  resourceTagContext,
  type Rule,
  type StorageRequest,
  type Tags,
} from './types.ts';
import { own } from '../own.ts';

/**
 * What AWS Backup checks for each action, after its Service Authorization Reference: the ARN of the resource. An action
 * that is not listed is checked against `*`.
 */
const rules: Readonly<Record<string, (request: StorageRequest) => string>> = {
  CreateBackupVault: vaultInPath,
  DescribeBackupVault: vaultInPath,
  DeleteBackupVault: vaultInPath,
  ListRecoveryPointsByBackupVault: vaultInPath,
  StartBackupJob: ({ body, ...request }) => vault(request, text(body['BackupVaultName'])),
  StartCopyJob: ({ body }) => text(body['RecoveryPointArn']),
  StartRestoreJob: ({ body }) => text(body['RecoveryPointArn']),
  DescribeRecoveryPoint: pointInPath,
  UpdateRecoveryPointLifecycle: pointInPath,
  DeleteRecoveryPoint: pointInPath,
  GetRecoveryPointRestoreMetadata: pointInPath,
  TagResource: ({ path }) => segment(path, 2),
  UntagResource: ({ path }) => segment(path, 2),
  ListTags: ({ path }) => segment(path, 2),
};

export const backupRule: Rule = async (request, lookUp) => {
  const resource = own(rules, request.action)?.(request) || '*';
  const { tags, missing = false } = hasTags(resource) ? await lookUp(resource) : noFacts;
  const context = { ...requestTagContext(requestTags(request)), ...resourceTagContext(tags) };
  return [{ action: `backup:${request.action}`, resource, context, missing }, ...passedRole(request)];
};

/** Vaults have tags on AWS too; the storage service keeps none. */
const hasTags = (resource: string): boolean => resource.includes(':recovery-point:');

/** A job that works under a role needs the right to hand it that role. */
function passedRole({ body }: StorageRequest): Wish[] {
  const role = text(body['IamRoleArn']);
  if (!role) return [];
  return [
    { action: 'iam:PassRole', resource: role, context: { 'iam:PassedToService': 'backup.amazonaws.com' } },
  ];
}

function vaultInPath(request: StorageRequest): string {
  return vault(request, segment(request.path, 2));
}

/** `/backup-vaults/NAME/recovery-points/ARN`. */
function pointInPath({ path }: StorageRequest): string {
  return segment(path, 4);
}

const vault = ({ region, account }: Pick<StorageRequest, 'region' | 'account'>, name: string): string =>
  name && `arn:aws:backup:${region}:${account}:backup-vault:${name}`;

const segment = (path: string, at: number): string => decodeURIComponent(path.split('/')[at] ?? '');

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function requestTags({ body }: StorageRequest): Tags {
  const given = body['Tags'] ?? body['BackupVaultTags'] ?? body['RecoveryPointTags'];
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return {};
  return Object.fromEntries(Object.entries(given).map(([key, value]) => [key, text(value)]));
}
