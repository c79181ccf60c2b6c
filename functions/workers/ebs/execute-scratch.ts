import { attachmentTo, changeVolume, endAttachments, freeLease, goOn } from '../change.ts';
import type { EbsFacts } from '../planner-ebs-steps.ts';
import type { EbsExecutors } from './executors.ts';

/** The way of a scratch volume to its host and out again. All are the table's alone. */
export const scratchExecutors: Pick<EbsExecutors, 'scratchAttached' | 'retire'> = {
  scratchAttached: {
    kind: 'record',
    change: (facts, { device }) => {
      const { host = '' } = facts.operation;
      return goOn([
        changeVolume(facts, { state: 'attached', hosts: [host], reason: undefined }),
        ...attachmentTo(facts, host, { actual: 'attached', device }),
      ]);
    },
  },
  retire: {
    kind: 'record',
    change: (facts, { to }) => {
      const next = { state: to, deletedAt: deletedAt(facts, to) };
      if (to !== 'available' && to !== 'failed') return goOn([changeVolume(facts, next)]);
      const free = [...freeLease(facts, true), ...endAttachments(facts, () => true)];
      return goOn([changeVolume(facts, { ...next, hosts: [] }), ...free]);
    },
  },
};

function deletedAt({ record, now }: EbsFacts, to: string): string | undefined {
  return to === 'deleted' ? now.toISOString() : record.volume.deletedAt;
}
