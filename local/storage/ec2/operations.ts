import type { Handler } from '../cloud.ts';
import { attachVolume, detachVolume } from './attachments.ts';
import { describeAvailabilityZones, describeInstanceTypes } from './catalog.ts';
import {
  describeInstances,
  describeInstanceStatus,
  rebootInstances,
  startInstances,
  stopInstances,
  terminateInstances,
} from './instances.ts';
import { describeVolumesModifications, describeVolumeStatus, modifyVolume } from './modifications.ts';
import { describeSubnets, describeVpcs } from './network.ts';
import { copySnapshot } from './snapshot-copies.ts';
import { createSnapshot, deleteSnapshot, describeSnapshots } from './snapshots.ts';
import { createTags, deleteTags, describeTags } from './tags.ts';
import { createVolume, deleteVolume, describeVolumes } from './volumes.ts';

/** EC2's operations, by AWS's names. */
export const ec2Operations: Readonly<Record<string, Handler>> = {
  AttachVolume: attachVolume,
  CopySnapshot: copySnapshot,
  CreateSnapshot: createSnapshot,
  CreateTags: createTags,
  CreateVolume: createVolume,
  DeleteSnapshot: deleteSnapshot,
  DeleteTags: deleteTags,
  DeleteVolume: deleteVolume,
  DescribeAvailabilityZones: describeAvailabilityZones,
  DescribeInstances: describeInstances,
  DescribeInstanceStatus: describeInstanceStatus,
  DescribeInstanceTypes: describeInstanceTypes,
  DescribeSnapshots: describeSnapshots,
  DescribeSubnets: describeSubnets,
  DescribeTags: describeTags,
  DescribeVolumes: describeVolumes,
  DescribeVolumesModifications: describeVolumesModifications,
  DescribeVolumeStatus: describeVolumeStatus,
  DescribeVpcs: describeVpcs,
  DetachVolume: detachVolume,
  ModifyVolume: modifyVolume,
  RebootInstances: rebootInstances,
  StartInstances: startInstances,
  StopInstances: stopInstances,
  TerminateInstances: terminateInstances,
};
