import { CopySnapshotCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { refuseUnknownRegion } from '#shared/model/rules-copy.ts';
import type { Snapshot, SnapshotTag } from './block-storage.ts';
import { doing, tagList } from './calls.ts';
import { ec2Clients, type Repeat } from './clients.ts';
import { toSnapshot } from './ec2-shapes.ts';
import { Ec2Snapshots } from './ec2-snapshots.ts';
import type { NewSnapshotCopy, RegionSnapshots, SnapshotRegions } from './snapshot-regions.ts';

export interface Ec2SnapshotRegionsOptions {
  readonly home: string;
  /** ARN of the key of each Region that copies may be made in, the deployment's own among them. */
  readonly keys: Readonly<Record<string, string>>;
  /** @default clients of that Region by the SDK's own chain */
  readonly clients?: (region: string) => (repeat: Repeat) => EC2Client;
}

/** Snapshots of several Regions by EC2. A Region whose key was taken away can still be looked into and cleared. */
export class Ec2SnapshotRegions implements SnapshotRegions {
  readonly #options: Ec2SnapshotRegionsOptions;
  readonly #regions = new Map<string, RegionSnapshots>();

  constructor(options: Ec2SnapshotRegionsOptions) {
    this.#options = options;
  }

  in(region: string): RegionSnapshots {
    const known = this.#regions.get(region);
    if (known !== undefined) return known;
    const { home, keys, clients = ec2Clients } = this.#options;
    const own = { region, key: keys[region], client: clients(region) };
    const others = Object.keys(keys).filter((other) => other !== home);
    const made = new Ec2RegionSnapshots(own, { home, others });
    this.#regions.set(region, made);
    return made;
  }
}

interface Own {
  readonly region: string;
  readonly key: string | undefined;
  readonly client: (repeat: Repeat) => EC2Client;
}

class Ec2RegionSnapshots implements RegionSnapshots {
  readonly #own: Own;
  readonly #allowed: { readonly home: string; readonly others: readonly string[] };
  readonly #snapshots: Ec2Snapshots;

  constructor(own: Own, allowed: { readonly home: string; readonly others: readonly string[] }) {
    this.#own = own;
    this.#allowed = allowed;
    this.#snapshots = new Ec2Snapshots(own.client);
  }

  findSnapshots(of: SnapshotTag): Promise<Snapshot[]> {
    return this.#snapshots.findSnapshots(of);
  }

  deleteSnapshot(id: string): Promise<void> {
    return this.#snapshots.deleteSnapshot(id);
  }

  async copySnapshot({ from, description, tags }: NewSnapshotCopy): Promise<Snapshot> {
    const { region, key, client } = this.#own;
    refuseUnknownRegion(region, this.#allowed);
    const command = new CopySnapshotCommand({
      SourceRegion: from.region,
      SourceSnapshotId: from.snapshotId,
      Description: description,
      Encrypted: true,
      ...(key === undefined ? {} : { KmsKeyId: key }),
      TagSpecifications: [{ ResourceType: 'snapshot', Tags: tagList(tags) }],
    });
    return toSnapshot(await doing(`Copying to ${region}`, () => client('once').send(command)));
  }
}
