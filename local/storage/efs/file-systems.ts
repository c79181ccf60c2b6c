import type {
  CreateFileSystemRequest,
  DeleteFileSystemRequest,
  DescribeFileSystemsRequest,
  DescribeFileSystemsResponse,
  FileSystemDescription,
} from '@aws-sdk/client-efs';
import { type Call, type Cloud, delayOf, newId, nowIso } from '../cloud.ts';
import { zonesOf } from '../ec2/catalog.ts';
import { encryptionOf } from '../ec2/keys.ts';
import { AwsError } from '../errors.ts';
import type { FileSystem, Tag } from '../state/entities.ts';
import type { View } from '../state/store.ts';
import { efsErrors } from './errors.ts';
import { dataOf, makeFileSystem, removeFileSystem, withdrawAccessPoint } from './folders.ts';
import { accessPointsOf, arnOf, fileSystemOf, restPage, targetsOf } from './lookup.ts';
import { measured } from './usage.ts';

export async function createFileSystem(
  cloud: Cloud,
  call: Call,
  input: CreateFileSystemRequest,
): Promise<FileSystemDescription> {
  const before = cloud.store
    .list('fileSystems')
    .find((one) => one.region === call.region && one.creationToken === input.CreationToken);
  if (before) {
    throw new AwsError(
      'FileSystemAlreadyExists',
      `File system '${before.id}' already exists with creation token '${before.creationToken}'`,
      {
        status: 409,
        members: { FileSystemId: before.id },
      },
    );
  }
  const made = cloud.store.put('fileSystems', ...record(newFileSystem(call, input)));
  await cloud.store.commit();
  finishFileSystemLater(cloud, made.id, delayOf(cloud, call, 'fileSystem'));
  return describe(cloud, { call, view: cloud.store, fileSystem: made });
}

const record = (fileSystem: FileSystem): [string, FileSystem] => [fileSystem.id, fileSystem];

function newFileSystem(call: Call, input: CreateFileSystemRequest): FileSystem {
  const zone = input.AvailabilityZoneName;
  if (zone !== undefined && !zonesOf(call.region).some(({ name }) => name === zone)) {
    throw new AwsError('UnsupportedAvailabilityZone', `The Availability Zone '${zone}' is not supported.`);
  }
  const provisioned = input.ThroughputMode === 'provisioned';
  if (provisioned !== (input.ProvisionedThroughputInMibps !== undefined)) {
    throw efsErrors.badRequest(
      'ProvisionedThroughputInMibps goes with ThroughputMode provisioned, and only with it',
    );
  }
  if (input.PerformanceMode === 'maxIO' && input.ThroughputMode === 'elastic')
    throw efsErrors.badRequest('maxIO is not supported with elastic throughput');
  const { encrypted, keyArn } = encryptionOf(call, { input, source: undefined });
  return {
    id: newId('fs'),
    region: call.region,
    tags: tagsOf(input.Tags),
    creationToken: input.CreationToken ?? '',
    creationTime: nowIso(),
    state: 'creating',
    performanceMode: input.PerformanceMode ?? 'generalPurpose',
    throughputMode: input.ThroughputMode ?? 'bursting',
    provisionedMibps: input.ProvisionedThroughputInMibps,
    encrypted,
    kmsKeyId: keyArn,
    zone,
    backup: input.Backup ?? zone !== undefined,
    lifecycle: [],
    protection: 'ENABLED',
  };
}

export function tagsOf(
  tags: readonly { Key?: string | undefined; Value?: string | undefined }[] | undefined,
): readonly Tag[] {
  const clean = (tags ?? []).map(({ Key, Value }) => ({ Key: Key ?? '', Value: Value ?? '' }));
  if (new Set(clean.map(({ Key }) => Key)).size !== clean.length)
    throw efsErrors.badRequest('Duplicate tag keys are not allowed');
  if (clean.length > 50) throw efsErrors.badRequest('A resource can have at most 50 tags');
  return clean;
}

export function finishFileSystemLater(cloud: Cloud, id: string, delayMs: number): void {
  cloud.work.later(id, delayMs, async () => {
    const { state } = cloud.store.get('fileSystems', id) ?? {};
    if (state === 'creating') {
      await makeFileSystem(cloud, id);
      cloud.store.patch('fileSystems', id, { state: 'available' });
    }
    if (state === 'deleting') {
      await removeFileSystem(cloud, id);
      cloud.store.delete('fileSystems', id);
    }
    await cloud.store.commit();
  });
}

export async function deleteFileSystem(
  cloud: Cloud,
  call: Call,
  input: DeleteFileSystemRequest,
): Promise<void> {
  const { id, state } = fileSystemOf(cloud.store, call, input.FileSystemId);
  if (targetsOf(cloud.store, id).length > 0) {
    throw new AwsError('FileSystemInUse', `File system '${id}' has mount targets. Delete them first.`, {
      status: 409,
    });
  }
  if (state === 'deleting') throw efsErrors.fileSystemNotFound(id);
  if (state !== 'available') {
    throw new AwsError('IncorrectFileSystemLifeCycleState', `File system '${id}' is '${state}'`, {
      status: 409,
    });
  }
  cloud.store.patch('fileSystems', id, { state: 'deleting' });
  for (const point of accessPointsOf(cloud.store, id)) {
    await withdrawAccessPoint(cloud, point);
    cloud.store.delete('accessPoints', point.id);
  }
  await cloud.store.commit();
  finishFileSystemLater(cloud, id, delayOf(cloud, call, 'fileSystem'));
}

export async function describeFileSystems(
  cloud: Cloud,
  call: Call,
  input: DescribeFileSystemsRequest,
): Promise<DescribeFileSystemsResponse> {
  const { FileSystemId: id, CreationToken: token } = input;
  if (id !== undefined && token !== undefined)
    throw efsErrors.badRequest('FileSystemId and CreationToken exclude each other');
  const all = id === undefined ? call.view.list('fileSystems') : [fileSystemOf(call.view, call, id)];
  const found = all.filter(
    (one) => one.region === call.region && (token === undefined || one.creationToken === token),
  );
  const page = restPage({
    items: found,
    key: (one) => one.id,
    most: input.MaxItems,
    token: input.Marker,
    query: [call.region, token],
  });
  return await Promise.resolve({
    FileSystems: page.items.map((fileSystem) => describe(cloud, { call, view: call.view, fileSystem })),
    Marker: input.Marker,
    NextMarker: page.next,
  });
}

interface Shown {
  readonly call: Call;
  readonly view: View;
  readonly fileSystem: FileSystem;
}

function describe(cloud: Cloud, { call, view, fileSystem }: Shown): FileSystemDescription {
  const { bytes, at } = measured(cloud, dataOf(cloud, fileSystem.id));
  const zone = zonesOf(fileSystem.region).find(({ name }) => name === fileSystem.zone);
  return {
    OwnerId: call.account,
    CreationToken: fileSystem.creationToken,
    FileSystemId: fileSystem.id,
    FileSystemArn: arnOf(call, 'file-system', fileSystem.id),
    CreationTime: new Date(fileSystem.creationTime),
    LifeCycleState: fileSystem.state,
    Name: fileSystem.tags.find(({ Key }) => Key === 'Name')?.Value,
    NumberOfMountTargets: targetsOf(view, fileSystem.id).length,
    SizeInBytes: { Value: bytes, Timestamp: at, ValueInIA: 0, ValueInStandard: bytes, ValueInArchive: 0 },
    PerformanceMode: fileSystem.performanceMode as NonNullable<FileSystemDescription['PerformanceMode']>,
    Encrypted: fileSystem.encrypted,
    KmsKeyId: fileSystem.kmsKeyId,
    ThroughputMode: fileSystem.throughputMode as NonNullable<FileSystemDescription['ThroughputMode']>,
    ProvisionedThroughputInMibps: fileSystem.provisionedMibps,
    AvailabilityZoneName: zone?.name,
    AvailabilityZoneId: zone?.id,
    Tags: [...fileSystem.tags],
    FileSystemProtection: { ReplicationOverwriteProtection: fileSystem.protection },
  };
}
