import { paginateDescribeSnapshots, EC2Client } from '@aws-sdk/client-ec2';
import { EFSClient, paginateDescribeAccessPoints } from '@aws-sdk/client-efs';
import { productTagValue, tagKeys } from '#shared/model/tags.ts';
import { tagsOf } from './ec2/ec2-shapes.ts';
import { translateAwsError } from './ec2/errors.ts';

/** A thing in AWS that carries our tag. */
export interface TaggedThing {
  readonly id: string;
  readonly tags: Readonly<Record<string, string>>;
  /** EFS does not say when it made an access point. */
  readonly createdAt?: Date | undefined;
  /** Of a snapshot in another Region than the deployment's own. */
  readonly region?: string | undefined;
}

/** What the product has made in AWS beside volumes, as AWS lists it. Reads only. */
export interface Inventory {
  /** All snapshots of this account with the product's tag, in one Region. @default the deployment's own */
  snapshots(region?: string): Promise<TaggedThing[]>;
  /** The access points of the shared file system with the product's tag that are not being deleted. */
  accessPoints(): Promise<TaggedThing[]>;
}

export interface AwsInventoryOptions {
  readonly fileSystemId: string;
  /** Of that Region; without one of the deployment's own. */
  readonly ec2?: (region?: string) => EC2Client;
  readonly efs?: EFSClient;
}

/** Milliseconds. */
const timeouts = { connectionTimeout: 2_000, requestTimeout: 8_000, throwOnRequestTimeout: true };

/** The inventory by EC2 and EFS. */
export class AwsInventory implements Inventory {
  readonly #fileSystemId: string;
  readonly #ec2: (region?: string) => EC2Client;
  readonly #efs: EFSClient;

  constructor({ fileSystemId, ec2, efs }: AwsInventoryOptions) {
    const settings = { maxAttempts: 4, requestHandler: timeouts };
    this.#fileSystemId = fileSystemId;
    this.#ec2 = ec2 ?? ((region) => new EC2Client(region === undefined ? settings : { ...settings, region }));
    this.#efs = efs ?? new EFSClient(settings);
  }

  async snapshots(region?: string): Promise<TaggedThing[]> {
    const ours = { Name: `tag:${tagKeys.product}`, Values: [productTagValue] };
    const pages = paginateDescribeSnapshots(
      { client: this.#ec2(region), pageSize: 500 },
      { OwnerIds: ['self'], Filters: [ours] },
    );
    return listing('Looking at snapshots', async () => {
      const found: TaggedThing[] = [];
      for await (const { Snapshots = [] } of pages) {
        found.push(
          ...Snapshots.map(({ SnapshotId = '', Tags, StartTime }) => ({
            id: SnapshotId,
            tags: tagsOf(Tags),
            createdAt: StartTime,
            ...(region === undefined ? {} : { region }),
          })),
        );
      }
      return found;
    });
  }

  async accessPoints(): Promise<TaggedThing[]> {
    const pages = paginateDescribeAccessPoints({ client: this.#efs }, { FileSystemId: this.#fileSystemId });
    return listing('Looking at access points', async () => {
      const found: TaggedThing[] = [];
      for await (const { AccessPoints = [] } of pages) {
        found.push(
          ...AccessPoints.filter(
            ({ LifeCycleState = '' }) => !['deleting', 'deleted'].includes(LifeCycleState),
          ).map(({ AccessPointId = '', Tags }) => ({ id: AccessPointId, tags: tagsOf(Tags) })),
        );
      }
      return found.filter(({ tags }) => tags[tagKeys.product] === productTagValue);
    });
  }
}

async function listing<T>(what: string, list: () => Promise<T>): Promise<T> {
  try {
    return await list();
  } catch (error) {
    throw translateAwsError(error, what);
  }
}
