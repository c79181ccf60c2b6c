import type { CopySnapshotRequest, CopySnapshotResult } from '@aws-sdk/client-ec2';
import { type Call, type Cloud, delayOf, faultOf, newId, nowIso } from '../cloud.ts';
import { AwsError } from '../errors.ts';
import type { Snapshot } from '../state/entities.ts';
import { encryptionOf } from './keys.ts';
import { snapshotOf } from './lookup.ts';
import { capture, finishSnapshotLater, record } from './snapshots.ts';
import { tagsFor } from './tags.ts';

/** EC2 shows a volume id that stands for nothing on every copy. */
const noVolume = 'vol-ffffffff';

/** Called in the destination Region; the source is named. */
export async function copySnapshot(
  cloud: Cloud,
  call: Call,
  input: CopySnapshotRequest,
): Promise<CopySnapshotResult> {
  const source = sourceOf(cloud, call, input);
  checkLimit(cloud, call);
  const { encrypted, keyArn, refused } = encryptionOf(call, { input, source: keyless(source, call) });
  const copy: Snapshot = {
    id: newId('snap'),
    region: call.region,
    tags: tagsFor('snapshot', input.TagSpecifications),
    volumeId: noVolume,
    volumeSize: source.volumeSize,
    startTime: nowIso(),
    state: 'pending',
    description: input.Description ?? '',
    encrypted,
    kmsKeyId: keyArn,
    captured: false,
    copiedFrom: source.region,
    ...(faultOf(call, 'snapshot-error') || refused ? { fate: 'error' as const } : {}),
  };
  cloud.store.put('snapshots', ...record(copy));
  await cloud.store.commit();
  await capture(cloud, copy, {
    lock: source.id,
    image: cloud.disk.snapshot(source.id),
    size: source.volumeSize,
  });
  finishSnapshotLater(cloud, copy.id, delayOf(cloud, call, 'copySnapshot'));
  return { SnapshotId: copy.id, Tags: [...copy.tags] };
}

function sourceOf(
  cloud: Cloud,
  call: Call,
  { SourceRegion: region = '', SourceSnapshotId: id }: CopySnapshotRequest,
): Snapshot {
  const source = snapshotOf(cloud.store, { ...call, region }, id);
  if (source.state !== 'completed')
    throw new AwsError('IncorrectState', `Snapshot ${source.id} is in invalid state - ${source.state}`);
  return source;
}

/** A key is good in its own Region only: a copy into another one takes that one's default. */
function keyless(source: Snapshot, call: Call): Pick<Snapshot, 'encrypted' | 'kmsKeyId'> {
  return source.region === call.region ? source : { encrypted: source.encrypted };
}

function checkLimit(cloud: Cloud, call: Call): void {
  const copies = cloud.store
    .list('snapshots')
    .filter(
      ({ region, state, copiedFrom }) =>
        region === call.region && state === 'pending' && copiedFrom !== undefined,
    );
  const most = cloud.settings.limits.snapshotCopies;
  if (copies.length >= most)
    throw new AwsError(
      'ResourceLimitExceeded',
      `Too many snapshot copies in progress. The limit is ${most} for this destination region.`,
    );
}
