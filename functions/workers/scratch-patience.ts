import type { HostRecord } from '#shared/aws/table/records.ts';
import type { TaskItem } from '#shared/model/items.ts';
import { minutes } from './planner.ts';

/** How long a host has to begin to look into a scratch volume. */
export const hostPatience = minutes(10);
/** How long it may read; what takes longer is restored and looked at by hand. */
export const readPatience = minutes(240);
/** What comes on top of the reading. */
const lateReport = minutes(30);

/** Who was asked. */
export interface AskedHost {
  readonly target: HostRecord | undefined;
  readonly now: Date;
}

/** Nobody waits for the host's answer any more. */
export function isGivenUp({ target, now }: AskedHost, { deadline }: TaskItem): boolean {
  const latest = Date.parse(deadline) + readPatience + lateReport;
  return target === undefined || isGone(target, now) || now.getTime() > latest;
}

/** Its agent says nothing any more: it does not look either. */
function isGone({ host, seen }: HostRecord, now: Date): boolean {
  const seenAt = Date.parse(seen?.at ?? host.lastSeenAt);
  return host.instanceState === 'terminated' || now.getTime() - seenAt > hostPatience;
}
