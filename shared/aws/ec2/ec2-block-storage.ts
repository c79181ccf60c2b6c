import {
  AttachVolumeCommand,
  CreateSnapshotCommand,
  CreateVolumeCommand,
  DeleteSnapshotCommand,
  DeleteVolumeCommand,
  DescribeSnapshotsCommand,
  DetachVolumeCommand,
  paginateDescribeVolumes,
  type EC2Client,
  type Filter,
} from '@aws-sdk/client-ec2';
import { ProductError } from '#shared/model/errors.ts';
import { productTagValue, tagKeys } from '#shared/model/tags.ts';
import type {
  AttachAnswer,
  AttachRequest,
  BlockStorage,
  BlockVolume,
  DetachRequest,
  NewBlockVolume,
  NewSnapshot,
  Snapshot,
  Tags,
} from './block-storage.ts';
import { ec2Clients, type Repeat } from './clients.ts';
import { toBlockVolume, toSnapshot } from './ec2-shapes.ts';
import { awsCode, translateAwsError } from './errors.ts';

export interface Ec2BlockStorageOptions {
  /** Key of every encrypted volume. */
  readonly keyArn: string;
  readonly clients?: (repeat: Repeat) => EC2Client;
}

const volumeType = 'gp3';
/** DescribeVolumes: a filter takes 200 values. Source: EC2 API reference, Filter. */
const filterValues = 200;

/** Block storage by EC2. */
export class Ec2BlockStorage implements BlockStorage {
  readonly #keyArn: string;
  readonly #client: (repeat: Repeat) => EC2Client;

  constructor({ keyArn, clients = ec2Clients() }: Ec2BlockStorageOptions) {
    this.#keyArn = keyArn;
    this.#client = clients;
  }

  async createVolume({
    clientToken,
    sizeGiB,
    availabilityZone,
    encrypted,
    tags,
  }: NewBlockVolume): Promise<BlockVolume> {
    const command = new CreateVolumeCommand({
      ClientToken: clientToken,
      AvailabilityZone: availabilityZone,
      Size: sizeGiB,
      VolumeType: volumeType,
      Encrypted: encrypted,
      ...(encrypted ? { KmsKeyId: this.#keyArn } : {}),
      TagSpecifications: [{ ResourceType: 'volume', Tags: tagList(tags) }],
    });
    return toBlockVolume(await doing('Creating the EBS volume', () => this.#client('token').send(command)));
  }

  async findVolumes(ids: readonly string[]): Promise<BlockVolume[]> {
    const found: BlockVolume[] = [];
    // A filter, not VolumeIds: one id that EC2 does not know would fail the whole call.
    for (let at = 0; at < ids.length; at += filterValues) {
      found.push(...(await this.#describe({ Name: 'volume-id', Values: ids.slice(at, at + filterValues) })));
    }
    return found;
  }

  async listVolumes(): Promise<BlockVolume[]> {
    return this.#describe({ Name: `tag:${tagKeys.product}`, Values: [productTagValue] });
  }

  async #describe(filter: Filter): Promise<BlockVolume[]> {
    return doing('Looking at EBS volumes', async () => {
      const volumes: BlockVolume[] = [];
      const pages = paginateDescribeVolumes(
        { client: this.#client('read'), pageSize: 500 },
        { Filters: [filter] },
      );
      for await (const page of pages) volumes.push(...(page.Volumes ?? []).map(toBlockVolume));
      return volumes;
    });
  }

  async attach({ volumeId, instanceId, device }: AttachRequest): Promise<AttachAnswer> {
    const command = new AttachVolumeCommand({ VolumeId: volumeId, InstanceId: instanceId, Device: device });
    try {
      await this.#client('once').send(command);
      return 'attaching';
    } catch (error) {
      const code = awsCode(error);
      if (code === 'VolumeInUse' || code === 'IncorrectState') return attachAnswer(error);
      // EC2 has no code of its own for a name in use: "Attachment point /dev/sdf is already in use".
      if (code === 'InvalidParameterValue' && says(error, 'already in use')) return 'device-taken';
      throw translateAwsError(error, 'Attaching the EBS volume');
    }
  }

  async detach({ volumeId, instanceId, force }: DetachRequest): Promise<void> {
    const command = new DetachVolumeCommand({ VolumeId: volumeId, InstanceId: instanceId, Force: force });
    // IncorrectState: "Volume 'vol-…' is in the 'available' state".
    const gone = ['IncorrectState', 'InvalidAttachment.NotFound', 'InvalidVolume.NotFound'];
    await this.#unlessCode(gone, 'Detaching the EBS volume', () => this.#client('settled').send(command));
  }

  async deleteVolume(id: string): Promise<'deleted' | 'in-use'> {
    const command = new DeleteVolumeCommand({ VolumeId: id });
    const code = await this.#unlessCode(
      ['InvalidVolume.NotFound', 'VolumeInUse', 'IncorrectState'],
      'Deleting the EBS volume',
      () => this.#client('settled').send(command),
    );
    return code === undefined || code === 'InvalidVolume.NotFound' ? 'deleted' : 'in-use';
  }

  async createSnapshot({ volumeId, description, tags }: NewSnapshot): Promise<Snapshot> {
    const command = new CreateSnapshotCommand({
      VolumeId: volumeId,
      Description: description,
      TagSpecifications: [{ ResourceType: 'snapshot', Tags: tagList(tags) }],
    });
    return toSnapshot(await doing('Making the snapshot', () => this.#client('once').send(command)));
  }

  async findSnapshots(operationId: string): Promise<Snapshot[]> {
    const command = new DescribeSnapshotsCommand({
      OwnerIds: ['self'],
      Filters: [{ Name: `tag:${tagKeys.operation}`, Values: [operationId] }],
    });
    const { Snapshots = [] } = await doing('Looking at snapshots', () => this.#client('read').send(command));
    const time = ({ startedAt }: Snapshot): number => startedAt?.getTime() ?? 0;
    return Snapshots.map(toSnapshot).sort((a, b) => time(a) - time(b) || a.id.localeCompare(b.id));
  }

  async deleteSnapshot(id: string): Promise<void> {
    const command = new DeleteSnapshotCommand({ SnapshotId: id });
    await this.#unlessCode(['InvalidSnapshot.NotFound'], 'Deleting the snapshot', () =>
      this.#client('settled').send(command),
    );
  }

  /** The AWS code, when it is one that the caller takes for an answer. */
  async #unlessCode(
    answers: readonly string[],
    what: string,
    call: () => Promise<unknown>,
  ): Promise<string | undefined> {
    try {
      await call();
      return undefined;
    } catch (error) {
      const code = awsCode(error);
      if (code !== undefined && answers.includes(code)) return code;
      throw translateAwsError(error, what);
    }
  }
}

/** IncorrectState is said of the volume (look again) and of an instance that can take none (a refusal). */
function attachAnswer(cause: unknown): AttachAnswer {
  if (!says(cause, "Instance '") && !says(cause, 'instance is not')) return 'volume-busy';
  throw new ProductError('StorageFailed', 'Attaching the EBS volume: the host is not running.', { cause });
}

function says(error: unknown, text: string): boolean {
  return error instanceof Error && error.message.includes(text);
}

function tagList(tags: Tags): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

async function doing<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw translateAwsError(error, what);
  }
}
