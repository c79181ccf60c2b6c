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
import { describeSubnets, describeVpcs } from './network.ts';
import { createTags, deleteTags, describeTags } from './tags.ts';
import { createVolume, deleteVolume, describeVolumes } from './volumes.ts';

/** EC2's operations, by AWS's names. */
export const ec2Operations: Readonly<Record<string, Handler>> = {
  AttachVolume: attachVolume,
  CreateTags: createTags,
  CreateVolume: createVolume,
  DeleteTags: deleteTags,
  DeleteVolume: deleteVolume,
  DescribeAvailabilityZones: describeAvailabilityZones,
  DescribeInstances: describeInstances,
  DescribeInstanceStatus: describeInstanceStatus,
  DescribeInstanceTypes: describeInstanceTypes,
  DescribeSubnets: describeSubnets,
  DescribeTags: describeTags,
  DescribeVolumes: describeVolumes,
  DescribeVpcs: describeVpcs,
  DetachVolume: detachVolume,
  RebootInstances: rebootInstances,
  StartInstances: startInstances,
  StopInstances: stopInstances,
  TerminateInstances: terminateInstances,
};
