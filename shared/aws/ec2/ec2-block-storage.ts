import {
  AttachVolumeCommand,
  CreateVolumeCommand,
  DeleteVolumeCommand,
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
  SnapshotTag,
} from './block-storage.ts';
import { ec2Clients, type Repeat } from './clients.ts';
import { doing, tagList, unlessCode } from './calls.ts';
import { toBlockVolume } from './ec2-shapes.ts';
import { Ec2Snapshots } from './ec2-snapshots.ts';
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
  readonly #snapshots: Ec2Snapshots;

  constructor({ keyArn, clients = ec2Clients() }: Ec2BlockStorageOptions) {
    this.#keyArn = keyArn;
    this.#client = clients;
    this.#snapshots = new Ec2Snapshots(clients);
  }

  async createVolume({
    clientToken,
    sizeGiB,
    availabilityZone,
    encrypted,
    snapshotId,
    tags,
  }: NewBlockVolume): Promise<BlockVolume> {
    const command = new CreateVolumeCommand({
      ClientToken: clientToken,
      AvailabilityZone: availabilityZone,
      Size: sizeGiB,
      VolumeType: volumeType,
      Encrypted: encrypted,
      ...(encrypted ? { KmsKeyId: this.#keyArn } : {}),
      ...(snapshotId === undefined ? {} : { SnapshotId: snapshotId }),
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
    await unlessCode(gone, 'Detaching the EBS volume', () => this.#client('settled').send(command));
  }

  async deleteVolume(id: string): Promise<'deleted' | 'in-use'> {
    const command = new DeleteVolumeCommand({ VolumeId: id });
    const code = await unlessCode(
      ['InvalidVolume.NotFound', 'VolumeInUse', 'IncorrectState'],
      'Deleting the EBS volume',
      () => this.#client('settled').send(command),
    );
    return code === undefined || code === 'InvalidVolume.NotFound' ? 'deleted' : 'in-use';
  }

  createSnapshot(wanted: NewSnapshot): Promise<Snapshot> {
    return this.#snapshots.createSnapshot(wanted);
  }

  findSnapshots(of: SnapshotTag): Promise<Snapshot[]> {
    return this.#snapshots.findSnapshots(of);
  }

  deleteSnapshot(id: string): Promise<void> {
    return this.#snapshots.deleteSnapshot(id);
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
