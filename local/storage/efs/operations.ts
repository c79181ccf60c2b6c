import type { Handler } from '../cloud.ts';
import { createAccessPoint, deleteAccessPoint, describeAccessPoints } from './access-points.ts';
import { createFileSystem, deleteFileSystem, describeFileSystems } from './file-systems.ts';
import { createMountTarget, deleteMountTarget, describeMountTargets } from './mount-targets.ts';
import {
  describeBackupPolicy,
  describeLifecycleConfiguration,
  listTagsForResource,
  putBackupPolicy,
  putLifecycleConfiguration,
  tagResource,
  untagResource,
} from './tags-and-policies.ts';

/** EFS's operations, by AWS's names. */
export const efsOperations: Readonly<Record<string, Handler>> = {
  CreateAccessPoint: createAccessPoint,
  CreateFileSystem: createFileSystem,
  CreateMountTarget: createMountTarget,
  DeleteAccessPoint: deleteAccessPoint,
  DeleteFileSystem: deleteFileSystem,
  DeleteMountTarget: deleteMountTarget,
  DescribeAccessPoints: describeAccessPoints,
  DescribeBackupPolicy: describeBackupPolicy,
  DescribeFileSystems: describeFileSystems,
  DescribeLifecycleConfiguration: describeLifecycleConfiguration,
  DescribeMountTargets: describeMountTargets,
  ListTagsForResource: listTagsForResource,
  PutBackupPolicy: putBackupPolicy,
  PutLifecycleConfiguration: putLifecycleConfiguration,
  TagResource: tagResource,
  UntagResource: untagResource,
};
