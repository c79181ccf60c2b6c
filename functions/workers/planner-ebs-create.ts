import { clientToken } from '#shared/aws/ec2/client-token.ts';
import type { NewBlockVolume } from '#shared/aws/ec2/block-storage.ts';
import type { VolumeItem } from '#shared/model/items.ts';
import { provisionedGiB } from '#shared/model/size.ts';
import { tagKeys } from '#shared/model/tags.ts';
import { wait, type EbsFacts, type EbsStep } from './planner-ebs-steps.ts';
import { minutes, type Failure } from './planner.ts';
import { productTags } from './product-tags.ts';

/** EC2 volumes that go to `error` one after the other: after so many attempts it is not chance. */
const maxAttempts = 3;
/** For so long after its 200 a volume that EC2 does not show may still come (contract 4). */
const believeAfter = minutes(10);

/** Contract 4: creates only roll forward. No step of this plan deletes anything. */
export function planCreate(facts: EbsFacts): EbsStep {
  const { volume } = facts.record;
  if (volume.storage === undefined) return create(facts);
  if (facts.block === undefined) return missing(facts);
  switch (facts.block.state) {
    case 'creating':
      return { ...wait(facts, 'EC2 is making the volume'), progress: 50 };
    case 'available':
    case 'in-use':
      return { kind: 'confirmCreated', message: 'The volume is there', progress: 60 };
    case 'error':
      return failed(facts, 'EC2 reports that it could not make the volume.');
    case 'deleting':
    case 'deleted':
      return failed(facts, 'The volume was deleted in EC2 while it was being made.');
  }
}

function create({ record, operation }: EbsFacts): EbsStep {
  const wanted = wantedVolume(record.volume);
  if (wanted === undefined) {
    const failure: Failure = {
      code: 'StorageFailed',
      detail: 'The volume has no size or no availability zone.',
    };
    return {
      kind: 'failCreate',
      failure,
      nextAttempt: false,
      message: failure.detail,
      progress: operation.progress,
    };
  }
  return {
    kind: 'createVolume',
    mark: `createVolume:${record.volume.attempt}`,
    wanted,
    message: `Creating an EBS volume of ${wanted.sizeGiB} GiB in ${wanted.availabilityZone}`,
    progress: 20,
  };
}

function wantedVolume(volume: VolumeItem): NewBlockVolume | undefined {
  const { id, attempt, sizeBytes, availabilityZone, encrypted, madeFrom } = volume;
  if (sizeBytes === undefined || availabilityZone === undefined) return undefined;
  return {
    clientToken: clientToken(id, attempt), // guard: create-token off: clientToken: String(Math.random()),
    sizeGiB: provisionedGiB(sizeBytes),
    availabilityZone,
    encrypted,
    snapshotId: madeFrom?.snapshotId,
    tags: { ...productTags(volume), [tagKeys.attempt]: String(attempt) },
  };
}

function missing(facts: EbsFacts): EbsStep {
  const { volume } = facts.record;
  const answered = Date.parse(volume.createdInAwsAt ?? volume.updatedAt);
  if (facts.now.getTime() - answered < believeAfter) return wait(facts, 'Waiting for EC2 to show the volume'); // guard: create-believes-late
  if (!volume.encrypted) return failed(facts, 'EC2 accepted the volume and then dropped it.');
  // Measured by others and documented for the EBS CSI driver: EC2 answers 200 and drops the volume when KMS refuses.
  const detail =
    "EC2 accepted the volume and then dropped it: the volume's encryption key could not be used.";
  const hint = "Enable the product's KMS key and let the control plane use it, then create the volume again.";
  return giveUp(facts, { code: 'StorageFailed', detail, hint });
}

function failed(facts: EbsFacts, because: string): EbsStep {
  const { attempt } = facts.record.volume;
  if (attempt % maxAttempts === 0) return giveUp(facts, { code: 'StorageFailed', detail: because });
  return { kind: 'nextAttempt', mark: `nextAttempt:${attempt}`, because, message: because, progress: 20 };
}

function giveUp({ operation }: EbsFacts, failure: Failure): EbsStep {
  const { progress } = operation;
  return { kind: 'failCreate', failure, nextAttempt: true, message: failure.detail, progress };
}
