import type {
  AccessPointDescription,
  CreateAccessPointRequest,
  DeleteAccessPointRequest,
  DescribeAccessPointsRequest,
  DescribeAccessPointsResponse,
} from '@aws-sdk/client-efs';
import { type Call, type Cloud, delayOf, newId } from '../cloud.ts';
import { AwsError } from '../errors.ts';
import type { AccessPoint } from '../state/entities.ts';
import { efsErrors } from './errors.ts';
import { tagsOf } from './file-systems.ts';
import { publishAccessPoint, withdrawAccessPoint } from './folders.ts';
import { accessPointOf, accessPointsOf, arnOf, fileSystemOf, restPage } from './lookup.ts';

/** The same token with the same parameters gives the same access point; with others it is a conflict that names it. */
export async function createAccessPoint(
  cloud: Cloud,
  call: Call,
  input: CreateAccessPointRequest,
): Promise<AccessPointDescription> {
  const fileSystem = fileSystemOf(cloud.store, call, input.FileSystemId);
  const wanted = parametersOf(input);
  const before = accessPointsOf(cloud.store, fileSystem.id).find(
    (point) => point.clientToken === input.ClientToken,
  );
  if (before?.parameters === wanted) return describe(call, before);
  if (before) {
    throw new AwsError(
      'AccessPointAlreadyExists',
      `Access Point ${before.id} was created with the same client token and other parameters`,
      {
        status: 409,
        members: { AccessPointId: before.id },
      },
    );
  }
  if (fileSystem.state !== 'available') {
    throw new AwsError(
      'IncorrectFileSystemLifeCycleState',
      `File system '${fileSystem.id}' is '${fileSystem.state}'`,
      { status: 409 },
    );
  }
  if (accessPointsOf(cloud.store, fileSystem.id).length >= cloud.settings.limits.accessPoints) {
    throw new AwsError(
      'AccessPointLimitExceeded',
      `File system '${fileSystem.id}' has the maximum of ${cloud.settings.limits.accessPoints} access points`,
      { status: 403 },
    );
  }
  const point = cloud.store.put(
    'accessPoints',
    ...record(newAccessPoint(call, { input, fileSystemId: fileSystem.id, parameters: wanted })),
  );
  await cloud.store.commit();
  finishAccessPointLater(cloud, point.id, delayOf(cloud, call, 'accessPoint'));
  return describe(call, point);
}

const record = (point: AccessPoint): [string, AccessPoint] => [point.id, point];

function parametersOf({ PosixUser, RootDirectory }: CreateAccessPointRequest): string {
  return JSON.stringify([
    PosixUser?.Uid,
    PosixUser?.Gid,
    PosixUser?.SecondaryGids,
    RootDirectory?.Path,
    RootDirectory?.CreationInfo,
  ]);
}

interface Making {
  readonly input: CreateAccessPointRequest;
  readonly fileSystemId: string;
  readonly parameters: string;
}

function newAccessPoint(call: Call, { input, fileSystemId, parameters }: Making): AccessPoint {
  const { PosixUser: user, RootDirectory: root } = input;
  const creation = root?.CreationInfo;
  return {
    id: newId('fsap'),
    region: call.region,
    tags: tagsOf(input.Tags),
    clientToken: input.ClientToken ?? '',
    parameters,
    fileSystemId,
    state: 'creating',
    path: root?.Path ?? '/',
    ...(user
      ? { posixUser: { Uid: user.Uid ?? 0, Gid: user.Gid ?? 0, SecondaryGids: user.SecondaryGids } }
      : {}),
    ...(creation
      ? {
          creation: {
            OwnerUid: creation.OwnerUid ?? 0,
            OwnerGid: creation.OwnerGid ?? 0,
            Permissions: creation.Permissions ?? '0755',
          },
        }
      : {}),
  };
}

export function finishAccessPointLater(cloud: Cloud, id: string, delayMs: number): void {
  cloud.work.later(id, delayMs, async () => {
    const point = cloud.store.get('accessPoints', id);
    if (point?.state === 'creating') {
      await publishAccessPoint(cloud, point);
      cloud.store.patch('accessPoints', id, { state: 'available' });
    }
    if (point?.state === 'deleting') cloud.store.delete('accessPoints', id);
    await cloud.store.commit();
  });
}

/** The files stay: an access point is a door, not a room. */
export async function deleteAccessPoint(
  cloud: Cloud,
  call: Call,
  input: DeleteAccessPointRequest,
): Promise<void> {
  const point = accessPointOf(cloud.store, call, input.AccessPointId);
  cloud.store.put('accessPoints', point.id, { ...point, state: 'deleting' });
  await withdrawAccessPoint(cloud, point);
  await cloud.store.commit();
  finishAccessPointLater(cloud, point.id, delayOf(cloud, call, 'accessPoint'));
}

export async function describeAccessPoints(
  _: Cloud,
  call: Call,
  input: DescribeAccessPointsRequest,
): Promise<DescribeAccessPointsResponse> {
  const { AccessPointId: id, FileSystemId: of } = input;
  if (id !== undefined && of !== undefined)
    throw efsErrors.badRequest('AccessPointId and FileSystemId exclude each other');
  const page = restPage({
    items: selected(call, input),
    key: (one) => one.id,
    most: input.MaxResults,
    token: input.NextToken,
    query: [call.region, id, of],
  });
  return await Promise.resolve({
    AccessPoints: page.items.map((point) => describe(call, point)),
    NextToken: page.next,
  });
}

function selected(
  call: Call,
  { AccessPointId: id, FileSystemId: of }: DescribeAccessPointsRequest,
): readonly AccessPoint[] {
  if (id !== undefined) return [accessPointOf(call.view, call, id)];
  if (of !== undefined) return accessPointsOf(call.view, fileSystemOf(call.view, call, of).id);
  return call.view.list('accessPoints').filter(({ region }) => region === call.region);
}

function describe(call: Call, point: AccessPoint): AccessPointDescription {
  return {
    ClientToken: point.clientToken,
    Name: point.tags.find(({ Key }) => Key === 'Name')?.Value,
    Tags: [...point.tags],
    AccessPointId: point.id,
    AccessPointArn: arnOf(call, 'access-point', point.id),
    FileSystemId: point.fileSystemId,
    PosixUser: point.posixUser,
    RootDirectory: { Path: point.path, CreationInfo: point.creation },
    OwnerId: call.account,
    LifeCycleState: point.state,
  };
}
