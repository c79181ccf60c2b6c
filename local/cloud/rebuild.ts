import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  EC2Client,
  paginateDescribeVolumes,
  type Volume as Ec2Volume,
  type VolumeAttachment,
} from '@aws-sdk/client-ec2';
import { attempt } from '#local/hosts/exec.ts';
import { documentClient, DynamoStore } from '#shared/aws/table/dynamo-store.ts';
import { Table } from '#shared/aws/table/table.ts';
import type { VolumeRecord } from '#shared/aws/table/records.ts';
import { attachTo, createVolume } from '#shared/aws/table/volume-writes.ts';
import { put, replace, type Write } from '#shared/aws/table/writes.ts';
import { isProductError } from '#shared/model/errors.ts';
import { AttachmentItem, LeaseItem, VolumeItem } from '#shared/model/items.ts';
import { GiB } from '#shared/model/size.ts';
import { productTagValue, tagKeys } from '#shared/model/tags.ts';
import type { FilesystemRecord } from '#shared/model/volume.ts';
import type { CloudFile } from './cloud-file.ts';
import { clientConfig } from './deploy.ts';

/*
 * The emulator saves its state a moment after each change: killed, it loses the last moments, and its state may be wiped
 * altogether. The storage service loses nothing. So each `up` looks for EBS volumes that carry our tag and have no
 * record, and makes the record again from the tags and from what is on the device. Labels, options and description
 * of such a volume are lost; its data is not. A record that has the volume as blank catches up with what is on it.
 */

/** Gives the names of the volumes whose records were made again. */
export async function rebuildRecords(cloud: CloudFile): Promise<string[]> {
  const tableName = cloud.stack?.['TableName'];
  if (tableName === undefined) return [];
  const table = new Table(
    new DynamoStore(tableName, documentClient(new DynamoDBClient(clientConfig(cloud)))),
  );
  const rebuilt: string[] = [];
  for (const volume of await ourVolumes(cloud)) {
    const record = await recordOf(cloud, volume);
    if (record !== undefined && (await recordAgain(table, record))) rebuilt.push(record.volume.name);
  }
  return rebuilt;
}

/** Whether there was something to do, and it is done. */
export async function recordAgain(table: Table, record: RebuiltRecord): Promise<boolean> {
  const known = await table.readVolume(record.volume.id);
  const writes = known === undefined ? created(record) : caughtUp(known, record);
  if (writes.length === 0) return false;
  try {
    await table.transact(writes);
    return true;
  } catch (error) {
    // The name has gone to another volume since: that one stays, and the orphan is reported as a leak.
    if (isProductError(error, 'Conflict')) return false;
    throw error;
  }
}

interface RebuiltRecord {
  readonly volume: VolumeItem;
  readonly lease: LeaseItem;
  /** Of the host that has it in EC2. */
  readonly attachment: AttachmentItem | undefined;
}

function created({ volume, lease, attachment }: RebuiltRecord): Write[] {
  return [...createVolume(volume, lease), ...(attachment ? given(attachment) : [])];
}

/** A record from before its volume was formatted: a ticket to do it again would be refused by every host for ever. */
function caughtUp(
  { volume, lease }: VolumeRecord,
  { volume: found, lease: { filesystem } }: RebuiltRecord,
): Write[] {
  if (
    ebsOf(volume) !== ebsOf(found) ||
    lease?.filesystem.state !== 'blank' ||
    filesystem.state !== 'formatted'
  )
    return [];
  return [replace('lease', lease, { ...lease, filesystem })];
}

const ebsOf = ({ storage }: VolumeItem): string | undefined =>
  storage?.kind === 'ebs' ? storage.volumeId : undefined;

/** Its host has it, under the device name that EC2 gave it, which no other volume may get there. */
function given(attachment: AttachmentItem): Write[] {
  const { hostId, volumeId, device, since } = attachment;
  const claimed = device === undefined ? [] : [put('device', { hostId, device, volumeId, at: since })];
  return [...attachTo(attachment), ...claimed];
}

async function ourVolumes(cloud: CloudFile): Promise<Ec2Volume[]> {
  const client = new EC2Client(clientConfig(cloud));
  const Filters = [{ Name: `tag:${tagKeys.product}`, Values: [productTagValue] }];
  const volumes: Ec2Volume[] = [];
  for await (const page of paginateDescribeVolumes({ client }, { Filters }))
    volumes.push(...(page.Volumes ?? []));
  return newestFirst(volumes.filter(({ State }) => State === 'available' || State === 'in-use'));
}

/** A name is free once its volume is deleted: of several with one name, the newest is the one that had it last. */
export function newestFirst(volumes: readonly Ec2Volume[]): Ec2Volume[] {
  const time = ({ CreateTime }: Ec2Volume): number => CreateTime?.getTime() ?? 0;
  return [...volumes].sort((a, b) => time(b) - time(a));
}

async function recordOf(cloud: CloudFile, found: Ec2Volume): Promise<RebuiltRecord | undefined> {
  const image = join(cloud.home, 'storage', 'disk', 'volumes', `${found.VolumeId}.img`);
  return rebuild(found, { account: cloud.account, filesystem: await filesystemOn(image), now: new Date() });
}

interface Circumstances {
  readonly account: string;
  readonly filesystem: Formatted;
  readonly now: Date;
}

/**
 * The record of a volume, as far as EC2 and the device tell it; undefined where the tags do not say whose it is. Whoever
 * has it in EC2 has it here, and may be using it: that host says whether it does, or EC2 that it is stopped.
 */
export function rebuild(
  found: Ec2Volume,
  { account, filesystem, now }: Circumstances,
): RebuiltRecord | undefined {
  const tags = new Map((found.Tags ?? []).map(({ Key, Value }) => [Key, Value]));
  const id = tags.get(tagKeys.volumeId);
  const name = tags.get(tagKeys.name);
  const ebsId = found.VolumeId;
  if (!id || !name || !ebsId) return undefined;
  const at = now.toISOString();
  const sizeGiB = found.Size ?? 1;
  const holder = found.Attachments?.find(({ State }) => State === 'attached' || State === 'attaching');
  const volume = VolumeItem.parse({
    id,
    name,
    namespace: tags.get(tagKeys.namespace) ?? 'default',
    type: 'local',
    driver: 'ebs',
    state: holder === undefined ? 'available' : 'attached',
    sizeBytes: sizeGiB * GiB,
    labels: {},
    options: {},
    description: 'Record made again from the tags of its EBS volume',
    filesystem: filesystem.type,
    owner: { uid: 0, gid: 0, mode: '0755' },
    readOnly: false,
    encrypted: found.Encrypted ?? true,
    protected: false,
    availabilityZone: found.AvailabilityZone,
    storage: { kind: 'ebs', volumeId: ebsId, provisionedGiB: sizeGiB, volumeType: found.VolumeType ?? 'gp3' },
    hosts: holder === undefined ? [] : [holder.InstanceId],
    revision: 1,
    createdAt: found.CreateTime?.toISOString() ?? at,
    updatedAt: at,
    createdBy: `arn:aws:iam::${account}:root`,
    attempt: Number(tags.get(tagKeys.attempt) ?? '1'),
  });
  // An epoch only grows: the time in seconds is above any that a lost lease can have had.
  const epoch = Math.floor(now.getTime() / 1000);
  const inUse = holder !== undefined;
  const lease = LeaseItem.parse({
    volumeId: id,
    epoch,
    holder: holder?.InstanceId,
    inUse,
    filesystem,
    updatedAt: at,
  });
  return { volume, lease, attachment: holder && attachmentOf({ volume, lease }, holder, at) };
}

function attachmentOf(
  { volume, lease }: Pick<RebuiltRecord, 'volume' | 'lease'>,
  { InstanceId, Device }: VolumeAttachment,
  since: string,
): AttachmentItem {
  return AttachmentItem.parse({
    volumeId: volume.id,
    hostId: InstanceId,
    namespace: volume.namespace,
    desired: 'attached',
    actual: 'attached',
    readOnly: false,
    epoch: lease.epoch,
    inUse: false,
    device: Device,
    since,
  });
}

type Formatted = Exclude<FilesystemRecord, { state: 'none' }>;

/** Contract 1: whatever holds a filesystem counts as mounted once, so that no ticket is ever given for it. */
async function filesystemOn(image: string): Promise<Formatted> {
  const { stdout } = await attempt('blkid', ['-p', '-o', 'export', image]);
  const fields = new Map(
    stdout.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  const type = fields.get('TYPE');
  const uuid = fields.get('UUID');
  if ((type === 'ext4' || type === 'xfs') && uuid) return { state: 'formatted', type, uuid, mounted: true };
  return { state: 'blank', type: 'ext4' };
}
