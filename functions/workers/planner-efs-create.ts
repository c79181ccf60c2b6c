import { clientToken } from '#shared/aws/ec2/client-token.ts';
import type { NewAccessPoint } from '#shared/aws/efs/access-points.ts';
import type { VolumeItem } from '#shared/model/items.ts';
import { tagKeys } from '#shared/model/tags.ts';
import { planRestore, wait } from './planner-efs-restore.ts';
import type { EfsFacts, EfsStep } from './planner-efs.ts';
import { minutes, type Failure } from './planner.ts';
import { productTags } from './product-tags.ts';

/** Contract 4: nothing here deletes files. */
export function planCreate(facts: EfsFacts): EfsStep {
  const { volume } = facts.record;
  if (volume.storage === undefined) {
    const restoring = planRestore(facts);
    if (restoring !== undefined) return restoring;
    const mark = `createAccessPoint:${volume.attempt}`;
    return {
      kind: 'createAccessPoint',
      mark,
      wanted: wantedPoint(volume),
      message: 'Creating an access point',
      progress: 20,
    };
  }
  switch (facts.point?.state) {
    case 'available':
    case 'updating':
      return { kind: 'confirmCreated', message: 'The volume is there', progress: 100 };
    case 'error':
    case 'deleted':
    case 'deleting':
      return nextAttempt(volume);
    case 'creating':
    case undefined: {
      const answered = Date.parse(volume.createdInAwsAt ?? volume.updatedAt);
      const lost = facts.point === undefined && facts.now.getTime() - answered > minutes(10);
      return lost ? nextAttempt(volume) : { ...wait(facts, 'EFS is making the access point'), progress: 50 };
    }
  }
}

/** Access points that fail one after the other: after so many attempts it is not chance, and each one counts against EFS's limit. */
const maxAttempts = 3;

function nextAttempt({ attempt }: VolumeItem): EfsStep {
  const because = 'EFS could not make the access point.';
  if (attempt % maxAttempts === 0) {
    const hint =
      'Look at the shared file system in EFS, then create the volume again with the same parameters.';
    const failure: Failure = { code: 'StorageFailed', detail: because, hint };
    return { kind: 'failCreate', failure, nextAttempt: true, message: because, progress: 20 };
  }
  const mark = `nextAttempt:${attempt}`;
  return { kind: 'nextAttempt', mark, because, message: `${because} Trying again.`, progress: 20 };
}

/** Directory of a volume on the shared file system: by its id, which is never used again. */
export function directoryOf({ id }: Pick<VolumeItem, 'id'>): string {
  return `/volumes/${id}`;
}

function wantedPoint(volume: VolumeItem): NewAccessPoint {
  const tags = { ...productTags(volume), [tagKeys.attempt]: String(volume.attempt) };
  const token = clientToken(volume.id, volume.attempt);
  const restored = volume.madeFrom?.recoveryPoint?.directory;
  // Without an owner: were it not there, an access point that makes its root would show an empty volume.
  if (restored !== undefined) return { clientToken: token, path: restored, tags };
  return { clientToken: token, path: directoryOf(volume), owner: volume.owner, tags };
}
