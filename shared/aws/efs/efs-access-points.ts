import {
  CreateAccessPointCommand,
  DeleteAccessPointCommand,
  DescribeAccessPointsCommand,
  EFSClient,
  type AccessPointDescription,
  type CreationInfo,
} from '@aws-sdk/client-efs';
import type { Owner } from '#shared/model/volume.ts';
import { awsCode, translateAwsError } from '../ec2/errors.ts';
import type { AccessPoint, AccessPoints, NewAccessPoint } from './access-points.ts';

export interface EfsAccessPointsOptions {
  readonly fileSystemId: string;
  readonly client?: EFSClient;
}

/** Milliseconds; every EFS call of ours may be repeated: create has a token, delete and describe settle. */
const timeouts = { connectionTimeout: 2_000, requestTimeout: 8_000, throwOnRequestTimeout: true };

/** Access points by EFS. */
export class EfsAccessPoints implements AccessPoints {
  readonly #fileSystemId: string;
  readonly #client: EFSClient;

  constructor({ fileSystemId, client }: EfsAccessPointsOptions) {
    this.#fileSystemId = fileSystemId;
    this.#client = client ?? new EFSClient({ maxAttempts: 3, requestHandler: timeouts });
  }

  async create({ clientToken, path, owner, posixUser, tags }: NewAccessPoint): Promise<AccessPoint> {
    const command = new CreateAccessPointCommand({
      ClientToken: clientToken,
      FileSystemId: this.#fileSystemId,
      RootDirectory: { Path: path, ...(owner === undefined ? {} : { CreationInfo: creationOf(owner) }) },
      ...(posixUser === undefined ? {} : { PosixUser: { Uid: posixUser.uid, Gid: posixUser.gid } }),
      Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
    });
    try {
      return toAccessPoint(await this.#client.send(command));
    } catch (error) {
      // EFS answers a repeat of the token with an error that names what the first call made.
      const made = idIn(error);
      if (made === undefined) throw translateAwsError(error, 'Creating the access point');
      return (
        (await this.find(made)) ?? { id: made, fileSystemId: this.#fileSystemId, path, state: 'creating' }
      );
    }
  }

  async find(id: string): Promise<AccessPoint | undefined> {
    try {
      const { AccessPoints = [] } = await this.#client.send(
        new DescribeAccessPointsCommand({ AccessPointId: id }),
      );
      return AccessPoints.map(toAccessPoint)[0];
    } catch (error) {
      if (awsCode(error) === 'AccessPointNotFound') return undefined;
      throw translateAwsError(error, 'Looking at the access point');
    }
  }

  async delete(id: string): Promise<void> {
    try {
      await this.#client.send(new DeleteAccessPointCommand({ AccessPointId: id }));
    } catch (error) {
      if (awsCode(error) !== 'AccessPointNotFound')
        throw translateAwsError(error, 'Deleting the access point');
    }
  }
}

function creationOf({ uid, gid, mode }: Owner): CreationInfo {
  return { OwnerUid: uid, OwnerGid: gid, Permissions: mode };
}

function idIn(error: unknown): string | undefined {
  if (awsCode(error) !== 'AccessPointAlreadyExists') return undefined;
  return (error as { AccessPointId?: string }).AccessPointId;
}

const states = ['creating', 'available', 'updating', 'deleting', 'deleted', 'error'] as const;

function toAccessPoint(description: AccessPointDescription): AccessPoint {
  return {
    id: description.AccessPointId ?? '',
    fileSystemId: description.FileSystemId ?? '',
    path: description.RootDirectory?.Path ?? '',
    state: states.find((name) => name === description.LifeCycleState) ?? 'creating',
  };
}
