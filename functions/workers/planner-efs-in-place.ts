import type { NewAccessPoint } from '#shared/aws/efs/access-points.ts';
import type { Incoming } from '#shared/model/items.ts';
import { planCreate } from './planner-efs-create.ts';
import { planFree } from './planner-efs-free.ts';
import type { EfsFacts, EfsStep } from './planner-efs.ts';

/** Steps that only a restore in place of a network volume has. */
export interface InPlaceSteps {
  /** EFS CreateAccessPoint, of the restored directory. */
  createIncoming: { readonly wanted: NewAccessPoint };
  nextIncoming: { readonly because: string };
  /** Puts it in the place of what the volume had, which becomes a deleted volume. Ends a restore in place. */
  exchange: Record<never, never>;
}

/**
 * A restore in place of a network volume: every host hands it back, its directory is restored beside it as that of a new volume
 * is, and one transaction exchanges its storage and leaves the old one to a deleted volume (contract 5). Until then whatever
 * fails leaves the volume as it was. Nothing here deletes files.
 */
export function planInPlace(facts: EfsFacts): EfsStep {
  const { record, operation } = facts;
  const { incoming, attempt } = record.volume;
  if (incoming === undefined) {
    const failure = { code: 'IllegalState', detail: 'Nothing is to be put in its place.' } as const;
    return { kind: 'restore', failure, message: failure.detail, progress: operation.progress };
  }
  const step = planFree(facts) ?? planCreate(asNewVolume(facts, incoming)); // guard: restore-in-use-shared off: const step = planCreate(asNewVolume(facts, incoming));
  switch (step.kind) {
    case 'createAccessPoint':
      return { ...step, kind: 'createIncoming', mark: `createIncoming:${attempt}`, progress: 85 };
    case 'nextAttempt':
      return { ...step, kind: 'nextIncoming', mark: `nextIncoming:${attempt}` };
    case 'confirmCreated':
      return { kind: 'exchange', message: 'Restored', progress: 100 };
    case 'failCreate': {
      // There is no failed volume to delete.
      const { code, detail } = step.failure;
      return { ...step, kind: 'restore', failure: { code, detail, hint: 'Restore the backup again.' } };
    }
    default:
      return step;
  }
}

function asNewVolume(facts: EfsFacts, incoming: Incoming): EfsFacts {
  const { madeFrom, storage, createdInAwsAt } = incoming;
  const volume = { ...facts.record.volume, madeFrom, storage, createdInAwsAt };
  return { ...facts, record: { ...facts.record, volume } };
}
