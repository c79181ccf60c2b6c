import type { AccessPoints } from '#shared/aws/efs/access-points.ts';
import { buried, changeAttachment } from '#shared/aws/table/volume-writes.ts';
import type { Write } from '#shared/aws/table/writes.ts';
import type { Incoming, VolumeItem } from '#shared/model/items.ts';
import { changeVolume, endAttachments, goOn, look, succeed, type Change } from '../change.ts';
import type { Executors } from '../executor.ts';
import type { InPlaceSteps } from '../planner-efs-in-place.ts';
import type { EfsFacts, EfsStep } from '../planner-efs.ts';
import { endRestore } from './execute-restore.ts';

type InPlaceExecutors = Pick<Executors<EfsStep, EfsFacts>, keyof InPlaceSteps>;

/** Deleted volumes that a volume remembers as its own. */
const remembered = 10;

/** Contract 4: nothing here deletes. */
export function inPlaceExecutors(points: AccessPoints): InPlaceExecutors {
  return {
    createIncoming: {
      kind: 'effect',
      perform: async ({ wanted }) => {
        const { id: accessPointId, fileSystemId, path } = await points.create(wanted);
        const storage = { kind: 'efs', fileSystemId, accessPointId, path } as const;
        return (facts) =>
          look(1, changeIncoming(facts, { storage, createdInAwsAt: facts.now.toISOString() }));
      },
    },
    nextIncoming: {
      kind: 'record',
      change: (facts) => {
        const { attempt, incoming } = facts.record.volume;
        if (incoming === undefined) return goOn();
        const anew = { ...incoming, storage: undefined, createdInAwsAt: undefined };
        return goOn([changeVolume(facts, { attempt: attempt + 1, incoming: anew })]);
      },
    },
    exchange: { kind: 'record', change: exchange },
  };
}

function changeIncoming(facts: EfsFacts, patch: Partial<Incoming>): Write[] {
  const { incoming } = facts.record.volume;
  return incoming === undefined ? [] : [changeVolume(facts, { incoming: { ...incoming, ...patch } })];
}

/** A host that begins to use the volume in this moment makes the transaction lose: its attachment is compared as read. */
function exchange(facts: EfsFacts): Change {
  const { incoming, replaced = [] } = facts.record.volume;
  const { kept } = facts.operation;
  if (incoming === undefined || kept === undefined) return goOn();
  const { storage, createdInAwsAt, madeFrom } = incoming;
  const inPlace = { storage, createdInAwsAt, madeFrom, incoming: undefined } as const;
  const next = {
    ...inPlace,
    state: 'available',
    hosts: [],
    operation: undefined,
    reason: undefined,
    replaced: [kept, ...replaced].slice(0, remembered),
  } satisfies Partial<VolumeItem>;
  const { record } = facts;
  const change = succeed(facts, [
    changeVolume(facts, next),
    ...keepAs(facts, kept, record.volume),
    ...endAttachments(facts, () => true),
  ]);
  return { ...change, wake: record.attachments.map(({ hostId }) => hostId) };
}

/**
 * The old directory and its access point as a deleted volume: it can be undeleted under another name until its window ends,
 * and is then emptied by a host as any other.
 */
function keepAs(
  { record, now, undoWindowHours }: EfsFacts,
  id: string,
  held: Pick<VolumeItem, 'storage' | 'madeFrom'>,
): Write[] {
  const at = now.toISOString();
  const tombstone: VolumeItem = {
    ...record.volume,
    storage: held.storage,
    madeFrom: held.madeFrom,
    id,
    state: 'deleted',
    hosts: [],
    revision: 1,
    purge: false,
    protected: false,
    operation: undefined,
    incoming: undefined,
    replaced: undefined,
    finalBackup: undefined,
    deletedAt: at,
    purgeAt: new Date(now.getTime() + undoWindowHours * 3_600_000).toISOString(),
    updatedAt: at,
  };
  return buried(tombstone, record.used);
}

/**
 * As the volume was before. Files that were restored already are nobody's then: a deleted volume has them, so that they are
 * emptied too.
 */
export function backAsItWas(facts: EfsFacts): Write[] {
  const { attachments, volume } = facts.record;
  const { incoming } = volume;
  const { kept } = facts.operation;
  const isRestored = incoming?.madeFrom.recoveryPoint?.directory !== undefined;
  const orphan = isRestored && kept !== undefined ? keepAs(facts, kept, incoming) : [];
  const replaced =
    orphan.length === 0 ? {} : { replaced: [kept ?? '', ...(volume.replaced ?? [])].slice(0, remembered) };
  return [
    changeVolume(facts, { state: 'available', operation: undefined, incoming: undefined, ...replaced }),
    ...attachments.flatMap((item) => changeAttachment(item, { ...item, desired: 'attached' })),
    ...orphan,
    ...endRestore(facts),
  ];
}
