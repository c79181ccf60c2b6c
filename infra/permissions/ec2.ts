import { Stack } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { productTagValue, tagKeys } from '#shared/model/tags.ts';
import type { Permission } from './permission.ts';

export const asked = { StringEquals: { [`aws:RequestTag/${tagKeys.product}`]: productTagValue } };
export const ours = { StringEquals: { [`aws:ResourceTag/${tagKeys.product}`]: productTagValue } };

/** Why a `*` among snapshots. */
export const ourSnapshots =
  'Snapshots come and go; those of others are out of reach by a condition on our tag.';

export function describe(...calls: readonly `Describe${string}`[]): Permission {
  return {
    sid: 'Describe',
    actions: calls.map((call) => `ec2:${call}`),
    resources: ['*'],
    wildcard: 'EC2 Describe calls have no resource-level permissions.',
  };
}

/** Volumes and snapshots that carry our tag, and no others: a volume of somebody else's can't be touched by a bug. */
export function onVolumes(scope: Construct, key: IKey): Permission[] {
  const { volumes, snapshots, instances } = arns(scope);
  return [
    describe('DescribeVolumes', 'DescribeSnapshots', 'DescribeInstances'),
    { sid: 'Create', actions: ['ec2:CreateVolume'], ...volumes, conditions: asked },
    // A snapshot's ARN stands beside the volume's when one is made from it; it must be ours.
    { sid: 'CreateFrom', actions: ['ec2:CreateVolume'], ...snapshots, conditions: ours },
    {
      sid: 'OnOurVolumes',
      actions: ['ec2:AttachVolume', 'ec2:DetachVolume', 'ec2:DeleteVolume', 'ec2:CreateSnapshot'],
      ...volumes,
      conditions: ours,
    },
    { sid: 'ToInstances', actions: ['ec2:AttachVolume', 'ec2:DetachVolume'], ...instances },
    { sid: 'Snapshot', actions: ['ec2:CreateSnapshot'], ...snapshots, conditions: asked },
    { sid: 'DeleteSnapshot', actions: ['ec2:DeleteSnapshot'], ...snapshots, conditions: ours },
    {
      sid: 'TagAtCreation',
      actions: ['ec2:CreateTags'],
      resources: [...volumes.resources, ...snapshots.resources],
      conditions: { StringEquals: { 'ec2:CreateAction': ['CreateVolume', 'CreateSnapshot'] } },
    },
    ...underKeys([key.keyArn]),
  ];
}

/** To make snapshots of our volumes, which carry our tag as well. */
export function makeSnapshots(scope: Construct): Permission[] {
  const { volumes, snapshots } = arns(scope);
  return [
    { sid: 'SnapshotOf', actions: ['ec2:CreateSnapshot'], ...volumes, conditions: ours },
    { sid: 'Snapshot', actions: ['ec2:CreateSnapshot'], ...snapshots, conditions: asked },
    {
      sid: 'TagSnapshots',
      actions: ['ec2:CreateTags'],
      ...snapshots,
      conditions: { StringEquals: { 'ec2:CreateAction': ['CreateSnapshot'] } },
    },
  ];
}

/** To make snapshots, and to remove those that carry our tag. */
export function onSnapshots(scope: Construct): Permission[] {
  return [
    describe('DescribeSnapshots', 'DescribeInstances'),
    ...makeSnapshots(scope),
    removeSnapshots(scope),
  ];
}

/** To remove snapshots that carry our tag. */
export function removeSnapshots(scope: Construct): Permission {
  return {
    sid: 'DeleteSnapshot',
    actions: ['ec2:DeleteSnapshot'],
    ...arns(scope).snapshots,
    conditions: ours,
  };
}

/** ARNs of a Region's snapshots, which have no account. */
export function snapshotsIn(scope: Construct, region?: string): string {
  const where = region === undefined ? {} : { region };
  return Stack.of(scope).formatArn({
    service: 'ec2',
    resource: 'snapshot',
    resourceName: '*',
    account: '',
    ...where,
  });
}

function arns(scope: Construct) {
  const ec2 = (resource: string) =>
    Stack.of(scope).formatArn({ service: 'ec2', resource, resourceName: '*' });
  return {
    volumes: {
      resources: [ec2('volume')],
      wildcard: 'Volumes come and go; those of others are out of reach by a condition on our tag.',
    },
    snapshots: {
      resources: [snapshotsIn(scope)],
      wildcard: ourSnapshots,
    },
    instances: {
      resources: [ec2('instance')],
      wildcard: 'Any instance may be a host; what can be attached to it is one of our volumes.',
    },
  };
}

/** EC2 uses the caller's rights on the keys, for itself, when it makes or attaches an encrypted volume or copies a snapshot. */
export function underKeys(keys: readonly string[]): Permission[] {
  const viaEc2 = { StringLike: { 'kms:ViaService': 'ec2.*.amazonaws.com' } };
  return [
    {
      sid: 'VolumeKeyGrant',
      actions: ['kms:CreateGrant'],
      resources: keys,
      conditions: { ...viaEc2, Bool: { 'kms:GrantIsForAWSResource': 'true' } },
    },
    {
      sid: 'VolumeKey',
      actions: [
        'kms:Decrypt',
        'kms:DescribeKey',
        'kms:GenerateDataKeyWithoutPlaintext',
        'kms:ReEncryptFrom',
        'kms:ReEncryptTo',
      ],
      resources: keys,
      conditions: viaEc2,
    },
  ];
}
