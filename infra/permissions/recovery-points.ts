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

/** To see what is in our vault. */
export function listRecoveryPoints({ vaultArn }: RecoveryVault): Permission {
  return {
    sid: 'ListRecoveryPoints',
    actions: ['backup:ListRecoveryPointsByBackupVault'],
    resources: [vaultArn],
  };
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
