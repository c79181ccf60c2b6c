import type { HostRecord } from '#shared/aws/table/records.ts';
import { errorCodes, isErrorCode } from '#shared/model/errors.ts';
import type { TaskItem } from '#shared/model/items.ts';
import { minutes, type Failure } from './planner.ts';

/** A host that is not heard of for so long has lost its task. An agent's restart, and a machine's, take less. */
const hostPatience = minutes(10);

/** A host that works for an operation, as of one moment. */
export interface WaitedHost {
  /** Its record; undefined when the table has forgotten it. */
  readonly host: HostRecord | undefined;
  readonly now: Date;
}

/** Why nobody waits for the host any more; undefined while somebody does. */
export function whyLost({ host, now }: WaitedHost, { deadline }: TaskItem): string | undefined {
  if (host === undefined || host.host.instanceState === 'terminated') return 'is gone';
  if (now.getTime() > Date.parse(deadline)) return 'did not finish within a day';
  const seen = Math.max(Date.parse(host.host.lastSeenAt), Date.parse(host.seen?.at ?? host.host.lastSeenAt));
  return now.getTime() - seen > hostPatience ? 'does not answer' : undefined;
}

/** That the host works, or has not been heard of for a while. */
export function waitingFor({ host, now }: WaitedHost, { hostId, at }: TaskItem, doing: string): string {
  const since = host?.seen?.at ?? host?.host.lastSeenAt ?? at;
  const silent = now.getTime() - Date.parse(since) > minutes(2);
  return silent ? `Waiting for ${hostId}, which does not answer` : `${hostId} ${doing}`;
}

/** What the host said of its failure. */
export function failureOf({ hostId, result }: TaskItem): Failure {
  const { code = 'CommandFailed', detail = 'it failed', hint } = result?.error ?? {};
  return {
    ...(hint === undefined ? {} : { hint }),
    code: isErrorCode(code) && code in errorCodes ? code : 'CommandFailed',
    detail: `${hostId}: ${detail}`,
  };
}
