import { errorCodes, isErrorCode, type ErrorCode } from '#shared/model/errors.ts';
import type { TaskItem } from '#shared/model/items.ts';
import { judgeReport, type DrillFinding } from '#shared/model/rules-drill.ts';
import { isGivenUp, type AskedHost } from './scratch-patience.ts';

/** Of the host or the time, and no word on the backup. */
const couldNotTry: ReadonlySet<ErrorCode> = new Set([
  'HostNotFound',
  'LimitExceeded',
  'StaleEpoch',
  'TimedOut',
  'Unavailable',
  'Throttled',
]);

/** What it means for a drill that something did not come about. */
export function outcomeOf(code: ErrorCode): 'overdue' | 'failed' {
  return couldNotTry.has(code) ? 'overdue' : 'failed';
}

/** What the host has found; undefined while it may still be looking. */
export function verdictOn(asked: AskedHost, task: TaskItem): DrillFinding | undefined {
  const { result, hostId } = task;
  if (result?.verify !== undefined) return judgeReport(result.verify);
  if (result !== undefined) return refusedBy(task);
  if (isGivenUp(asked, task))
    return { outcome: 'overdue', detail: `${hostId} has not looked into the copy in time.` };
  return undefined;
}

function refusedBy({ hostId, result }: TaskItem): DrillFinding {
  const { code = 'CommandFailed', detail = 'no reason' } = result?.error ?? {};
  const passing = isErrorCode(code) && (couldNotTry.has(code) || errorCodes[code].retryable);
  const isOverdue = passing && code !== 'CommandFailed';
  return { outcome: isOverdue ? 'overdue' : 'failed', detail: `${hostId}: ${detail}`.slice(0, 2048) };
}
