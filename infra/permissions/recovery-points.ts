import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { productTagValue, tagKeys } from '#shared/model/tags.ts';
import type { RecoveryVault } from '../constructs/recovery-vault.ts';
import type { Permission } from './permission.ts';

const ofOurs = { StringEquals: { [`aws:ResourceTag/${tagKeys.product}`]: productTagValue } };
const noResource = 'AWS Backup knows no resource for the look at a job.';

function points(scope: Construct): Pick<Permission, 'resources' | 'wildcard'> {
  return {
    resources: [`arn:${Stack.of(scope).partition}:backup:*:*:recovery-point:*`],
    wildcard: 'Recovery points come and go; a condition keeps to those that carry our tag.',
  };
}

/** AWS Backup works under the one role that may touch our file system alone. */
function handRole({ roleArn }: RecoveryVault): Permission {
  return {
    sid: 'HandRoleToBackup',
    actions: ['iam:PassRole'],
    resources: [roleArn],
    conditions: { StringEquals: { 'iam:PassedToService': 'backup.amazonaws.com' } },
  };
}

/** Makes recovery points in our vault, and removes those of ours. */
export function onRecoveryPoints(scope: Construct, vault: RecoveryVault): Permission[] {
  return [
    handRole(vault),
    { sid: 'StartBackupJob', actions: ['backup:StartBackupJob'], resources: [vault.vaultArn] },
    {
      sid: 'TagRecoveryPoints',
      actions: ['backup:TagResource'],
      ...points(scope),
      conditions: { StringEquals: { [`aws:RequestTag/${tagKeys.product}`]: productTagValue } },
    },
    {
      sid: 'LookAtBackupJobs',
      actions: ['backup:DescribeBackupJob'],
      resources: ['*'],
      wildcard: noResource,
    },
    {
      sid: 'RemoveRecoveryPoints',
      actions: ['backup:DescribeRecoveryPoint', 'backup:DeleteRecoveryPoint'],
      ...points(scope),
      conditions: ofOurs,
    },
  ];
}

/** Copies recovery points of ours between our vaults, under the role that is handed over for them; nothing without others. */
export function copyRecoveryPoints(scope: Construct, { copyVaultArns }: RecoveryVault): Permission[] {
  if (copyVaultArns.length === 0) return [];
  return [
    { sid: 'StartCopyJob', actions: ['backup:StartCopyJob'], ...points(scope), conditions: ofOurs },
    {
      sid: 'LookAtCopyJobs',
      actions: ['backup:DescribeCopyJob'],
      resources: ['*'],
      wildcard: noResource,
    },
  ];
}

/** To see what is in our vaults, whose it is, and to remove what is ours. */
export function sweepRecoveryPoints(
  scope: Construct,
  { vaultArn, copyVaultArns }: RecoveryVault,
): Permission[] {
  return [
    {
      sid: 'ListRecoveryPoints',
      actions: ['backup:ListRecoveryPointsByBackupVault'],
      resources: [vaultArn, ...copyVaultArns],
    },
    {
      sid: 'RemoveRecoveryPoints',
      actions: ['backup:ListTags', 'backup:DeleteRecoveryPoint'],
      ...points(scope),
      conditions: ofOurs,
    },
  ];
}

/**
 * What AWS Backup does under the role that it is handed: copies of ours, between these vaults alone, with their tags.
 * Source: Service Authorization Reference, AWS Backup, permission-only actions.
 */
export function betweenVaults(scope: Construct, vaultArns: readonly string[]): Permission[] {
  return [
    {
      sid: 'CopyFrom',
      actions: ['backup:CopyFromBackupVault'],
      ...points(scope),
      conditions: { ...ofOurs, 'ForAllValues:StringEquals': { 'backup:CopyTargets': vaultArns } },
    },
    {
      sid: 'CopyInto',
      actions: ['backup:CopyIntoBackupVault', 'backup:DescribeBackupVault'],
      resources: vaultArns,
    },
    {
      sid: 'TagCopies',
      actions: ['backup:TagResource'],
      ...points(scope),
      conditions: { StringEquals: { [`aws:RequestTag/${tagKeys.product}`]: productTagValue } },
    },
  ];
}

/** Restores recovery points of ours to our file system. */
export function restoreRecoveryPoints(scope: Construct, vault: RecoveryVault): Permission[] {
  return [
    handRole(vault),
    { sid: 'StartRestoreJob', actions: ['backup:StartRestoreJob'], ...points(scope), conditions: ofOurs },
    {
      sid: 'LookAtRestoreJobs',
      actions: ['backup:DescribeRestoreJob'],
      resources: ['*'],
      wildcard: noResource,
    },
  ];
}
