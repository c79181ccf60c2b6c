import { createHash } from 'node:crypto';
import type {
  CreateMountTargetRequest,
  DeleteMountTargetRequest,
  DescribeMountTargetsRequest,
  DescribeMountTargetsResponse,
  MountTargetDescription,
} from '@aws-sdk/client-efs';
import { type Call, type Cloud, delayOf, newId } from '../cloud.ts';
import { zonesOf } from '../ec2/catalog.ts';
import { subnetOf } from '../ec2/network.ts';
import { AwsError } from '../errors.ts';
import type { MountTarget } from '../state/entities.ts';
import { efsErrors } from './errors.ts';
import { publishMountTarget, withdrawMountTarget } from './folders.ts';
import { accessPointOf, fileSystemOf, mountTargetOf, restPage, targetsOf } from './lookup.ts';

export async function createMountTarget(
  cloud: Cloud,
  call: Call,
  input: CreateMountTargetRequest,
): Promise<MountTargetDescription> {
  const fileSystem = fileSystemOf(cloud.store, call, input.FileSystemId);
  if (fileSystem.state !== 'available') {
    throw new AwsError(
      'IncorrectFileSystemLifeCycleState',
      `File system '${fileSystem.id}' is '${fileSystem.state}'`,
      { status: 409 },
    );
  }
  const subnet = subnetOf(call, input.SubnetId ?? '');
  if (!subnet) throw new AwsError('SubnetNotFound', `The subnet ID '${input.SubnetId ?? ''}' does not exist`);
  const others = targetsOf(cloud.store, fileSystem.id);
  if (others.some(({ zone }) => zone === subnet.zone)) {
    throw new AwsError('MountTargetConflict', 'mount target already exists in this AZ', { status: 409 });
  }
  if (fileSystem.zone !== undefined && fileSystem.zone !== subnet.zone) {
    throw new AwsError(
      'AvailabilityZonesMismatch',
      `File system '${fileSystem.id}' is in ${fileSystem.zone}, the subnet in ${subnet.zone}`,
    );
  }
  const id = newId('fsmt');
  const target: MountTarget = {
    id,
    region: call.region,
    fileSystemId: fileSystem.id,
    subnetId: subnet.id,
    zone: subnet.zone,
    vpcId: subnet.vpcId,
    ipAddress: input.IpAddress ?? addressIn(subnet.prefix, id),
    securityGroups: input.SecurityGroups ?? [],
    state: 'creating',
  };
  cloud.store.put('mountTargets', id, target);
  await cloud.store.commit();
  finishMountTargetLater(cloud, id, delayOf(cloud, call, 'mountTarget'));
  return describe(call, target);
}

const addressIn = (prefix: string, id: string): string =>
  `${prefix}.${10 + ((createHash('sha256').update(id).digest()[0] ?? 0) % 200)}`;

export function finishMountTargetLater(cloud: Cloud, id: string, delayMs: number): void {
  cloud.work.later(id, delayMs, async () => {
    const target = cloud.store.get('mountTargets', id);
    if (target?.state === 'creating') {
      await publishMountTarget(cloud, target);
      cloud.store.patch('mountTargets', id, { state: 'available' });
    }
    if (target?.state === 'deleting') {
      await withdrawMountTarget(cloud, target);
      cloud.store.delete('mountTargets', id);
    }
    await cloud.store.commit();
  });
}

export async function deleteMountTarget(
  cloud: Cloud,
  call: Call,
  input: DeleteMountTargetRequest,
): Promise<void> {
  const target = mountTargetOf(cloud.store, call, input.MountTargetId);
  cloud.store.put('mountTargets', target.id, { ...target, state: 'deleting' });
  await cloud.store.commit();
  finishMountTargetLater(cloud, target.id, delayOf(cloud, call, 'mountTarget'));
}

export async function describeMountTargets(
  _: Cloud,
  call: Call,
  input: DescribeMountTargetsRequest,
): Promise<DescribeMountTargetsResponse> {
  const given = [input.FileSystemId, input.MountTargetId, input.AccessPointId].filter(
    (one) => one !== undefined,
  );
  if (given.length !== 1)
    throw efsErrors.badRequest('One of FileSystemId, MountTargetId and AccessPointId must be given');
  const page = restPage({
    items: selected(call, input),
    key: (one) => one.id,
    most: input.MaxItems,
    token: input.Marker,
    query: given,
  });
  return await Promise.resolve({
    MountTargets: page.items.map((one) => describe(call, one)),
    Marker: input.Marker,
    NextMarker: page.next,
  });
}

function selected(call: Call, input: DescribeMountTargetsRequest): readonly MountTarget[] {
  if (input.MountTargetId !== undefined) return [mountTargetOf(call.view, call, input.MountTargetId)];
  const fileSystem =
    input.AccessPointId === undefined
      ? input.FileSystemId
      : accessPointOf(call.view, call, input.AccessPointId).fileSystemId;
  return targetsOf(call.view, fileSystemOf(call.view, call, fileSystem).id);
}

function describe(call: Call, target: MountTarget): MountTargetDescription {
  return {
    OwnerId: call.account,
    MountTargetId: target.id,
    FileSystemId: target.fileSystemId,
    SubnetId: target.subnetId,
    LifeCycleState: target.state,
    IpAddress: target.ipAddress,
    NetworkInterfaceId: target.id.replace('fsmt-', 'eni-'),
    AvailabilityZoneId: zonesOf(target.region).find(({ name }) => name === target.zone)?.id,
    AvailabilityZoneName: target.zone,
    VpcId: target.vpcId,
  };
}
