import type { BlockStorage } from '#shared/aws/ec2/block-storage.ts';
import type { Write } from '#shared/aws/table/writes.ts';
import { changeAttachment } from '#shared/aws/table/volume-writes.ts';
import {
  changeLease,
  changeVolume,
  endAttachments,
  fail,
  freeLease,
  goOn,
  look,
  succeed,
} from '../change.ts';
import { attachmentOn, type EbsFacts } from '../planner-ebs-steps.ts';
import { burn } from './execute-attach.ts';
import type { EbsExecutors } from './executors.ts';
import { releaseBackups } from './release-backups.ts';

type Part = Pick<EbsExecutors, 'detachVolume' | 'confirmDetached' | 'restore' | 'fence'>;

export function detachExecutors(storage: BlockStorage): Part {
  return {
    detachVolume: {
      kind: 'effect',
      // Burned before EC2 hears of it: a crash in between must not bring the name back.
      intend: (facts, step) => (step.burn === undefined ? [] : burn(facts, step.burn)),
      perform: async ({ ebsId, instanceId, force, burn: hung }) => {
        await storage.detach({ volumeId: ebsId, instanceId, force });
        return ({ operation, now }) => {
          if (hung !== undefined || instanceId !== operation.host) return look(1);
          return { ...look(1), operation: { leavingSince: operation.leavingSince ?? now.toISOString() } };
        };
      },
    },
    confirmDetached: {
      kind: 'record',
      change: (facts) =>
        succeed(facts, [
          changeVolume(facts, { state: 'available', hosts: [], operation: undefined, reason: undefined }),
          ...freeLease(facts, false),
          ...endAttachments(facts, () => true),
        ]),
    },
    fence: {
      kind: 'record',
      change: (facts) => {
        const epoch = (facts.record.lease?.epoch ?? 0) + 1;
        const closed = { epoch, holder: undefined, bootId: undefined, inUse: false };
        return goOn(changeLease(facts, closed), { epoch });
      },
    },
    restore: {
      kind: 'record',
      change: (facts, { failure }) => fail(facts, failure, [...restore(facts), ...releaseBackups(facts)]),
    },
  };
}

/**
 * As it was before: with its holder where it has an attachment, under the epoch that the operation may have raised. But with
 * nobody where EC2 has begun to take it away: that ends one day, and a host that counted on the device would have none.
 */
function restore(facts: EbsFacts): Write[] {
  const { record, operation } = facts;
  const reason = { reason: undefined, operation: undefined, incoming: undefined, finalSnapshot: undefined };
  const [attachment] = record.attachments;
  if (attachment === undefined || isLeaving(facts, attachment.hostId)) {
    const free = changeVolume(facts, { state: 'available', hosts: [], ...reason });
    return [free, ...freeLease(facts, attachment !== undefined), ...endAttachments(facts, () => true)];
  }
  const { hostId } = attachment;
  const epoch = record.lease?.epoch ?? operation.epoch ?? attachment.epoch;
  return [
    changeVolume(facts, { state: 'attached', hosts: [hostId], ...reason }),
    ...changeLease(facts, { holder: hostId }),
    ...changeAttachment(attachment, { ...attachment, desired: 'attached', epoch }),
  ];
}

/** Never of a volume that is in use: what EC2 shows may lag. */
function isLeaving(facts: EbsFacts, hostId: string): boolean {
  const { block, record } = facts;
  if (block === undefined || record.lease?.inUse === true) return false;
  const state = attachmentOn(facts, hostId)?.state;
  return state !== 'attached' && state !== 'attaching';
}
