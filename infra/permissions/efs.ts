import type { Construct } from 'constructs';
import { productTagValue, tagKeys } from '#shared/model/tags.ts';
import { accessPointArns } from '../constructs/shared-files.ts';
import type { SharedFiles } from '../constructs/shared-files.ts';
import type { Permission } from './permission.ts';

function allAccessPoints(scope: Construct) {
  return {
    resources: [accessPointArns(scope)],
    wildcard: 'Access points come and go, one per network volume; a condition keeps to those of ours.',
  };
}

/** To list the access points of our file system. */
export function seeAccessPoints(scope: Construct, files: SharedFiles): Permission[] {
  return [
    {
      sid: 'DescribeAccessPointsOfFileSystem',
      actions: ['elasticfilesystem:DescribeAccessPoints'],
      resources: [files.fileSystemArn],
    },
    {
      sid: 'DescribeAccessPoints',
      actions: ['elasticfilesystem:DescribeAccessPoints'],
      ...allAccessPoints(scope),
    },
  ];
}

/** Access points on our file system alone; only those of ours can be deleted. */
export function onAccessPoints(scope: Construct, files: SharedFiles): Permission[] {
  const accessPoints = allAccessPoints(scope);
  return [
    {
      sid: 'CreateAccessPoint',
      actions: ['elasticfilesystem:CreateAccessPoint'],
      resources: [files.fileSystemArn],
      conditions: { StringEquals: { [`aws:RequestTag/${tagKeys.product}`]: productTagValue } },
    },
    {
      sid: 'TagAtCreation',
      actions: ['elasticfilesystem:TagResource'],
      ...accessPoints,
      conditions: { StringEquals: { 'elasticfilesystem:CreateAction': 'CreateAccessPoint' } },
    },
    ...seeAccessPoints(scope, files),
    {
      sid: 'DeleteAccessPoint',
      actions: ['elasticfilesystem:DeleteAccessPoint'],
      ...accessPoints,
      conditions: { StringEquals: { [`aws:ResourceTag/${tagKeys.product}`]: productTagValue } },
    },
  ];
}

/** What the agent mounts: access points only, never the file system's root. */
export function mountFiles(scope: Construct, files: SharedFiles): Permission {
  return {
    sid: 'MountAccessPoints',
    actions: [
      'elasticfilesystem:ClientMount',
      'elasticfilesystem:ClientWrite',
      // Containers' files belong to many users, root among them; without it the server squashes root.
      'elasticfilesystem:ClientRootAccess',
    ],
    resources: [files.fileSystemArn],
    conditions: { StringLike: { 'elasticfilesystem:AccessPointArn': accessPointArns(scope) } },
  };
}
