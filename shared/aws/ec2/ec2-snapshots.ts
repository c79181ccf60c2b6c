import {
  CreateSnapshotCommand,
  DeleteSnapshotCommand,
  DescribeSnapshotsCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { tagOf, type NewSnapshot, type Snapshot, type SnapshotTag, type Snapshots } from './block-storage.ts';
import { doing, tagList, unlessCode } from './calls.ts';
import { ec2Clients, type Repeat } from './clients.ts';
import { toSnapshot } from './ec2-shapes.ts';

/** Snapshots by EC2. */
export class Ec2Snapshots implements Snapshots {
  readonly #client: (repeat: Repeat) => EC2Client;

  constructor(clients: (repeat: Repeat) => EC2Client = ec2Clients()) {
    this.#client = clients;
  }

  async createSnapshot({ volumeId, description, tags }: NewSnapshot): Promise<Snapshot> {
    const command = new CreateSnapshotCommand({
      VolumeId: volumeId,
      Description: description,
      TagSpecifications: [{ ResourceType: 'snapshot', Tags: tagList(tags) }],
    });
    return toSnapshot(await doing('Making the snapshot', () => this.#client('once').send(command)));
  }

  async findSnapshots(of: SnapshotTag): Promise<Snapshot[]> {
    const [key, value] = tagOf(of);
    const command = new DescribeSnapshotsCommand({
      OwnerIds: ['self'],
      Filters: [{ Name: `tag:${key}`, Values: [value] }],
    });
    const { Snapshots = [] } = await doing('Looking at snapshots', () => this.#client('read').send(command));
    const time = ({ startedAt }: Snapshot): number => startedAt?.getTime() ?? 0;
    return Snapshots.map(toSnapshot).sort((a, b) => time(a) - time(b) || a.id.localeCompare(b.id));
  }

  async deleteSnapshot(id: string): Promise<void> {
    const command = new DeleteSnapshotCommand({ SnapshotId: id });
    await unlessCode(['InvalidSnapshot.NotFound'], 'Deleting the snapshot', () =>
      this.#client('settled').send(command),
    );
  }
}
