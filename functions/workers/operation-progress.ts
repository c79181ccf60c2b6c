import type { VolumeRecord } from '#shared/aws/table/records.ts';
import { check, type Write } from '#shared/aws/table/writes.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { OperationItem } from '#shared/model/items.ts';
import type { Change, ChangeFacts } from './change.ts';
import type { Saying } from './planner.ts';

/** Milliseconds after a step's deadline in which its AWS call may still be under way (contract 8). */
const grace = 5_000;
const longestWait = 60;

/** The operation after a step: its mark, its words, progress that never falls, and a time that always grows. */
export function advance(
  { operation, now }: ChangeFacts,
  step: Saying & { readonly kind: string; readonly mark?: string },
  change: Change,
): OperationItem {
  const mark = change.unmarked === true ? undefined : (step.mark ?? step.kind);
  const known = mark === undefined || operation.trail.includes(mark);
  const message =
    change.outcome === 'failed' ? (change.operation?.error?.detail ?? step.message) : step.message;
  return {
    ...operation,
    status: 'running',
    message,
    progress: Math.max(operation.progress, step.progress),
    trail: known ? operation.trail : [...operation.trail, mark],
    ...change.operation,
    updatedAt: laterOf(operation.updatedAt, now),
  };
}

/** The operation's guard compares this time, so each write gives it another. */
function laterOf(was: string, now: Date): string {
  return new Date(Math.max(now.getTime(), Date.parse(was) + 1)).toISOString();
}

/** Seconds until nobody's step on this volume can be under way any more; 0 when it is free. */
export function secondsUntilFree({ step }: VolumeRecord, now: Date): number {
  if (step === undefined) return 0;
  const free = Date.parse(step.deadline) + grace;
  return Math.min(longestWait, Math.max(0, Math.ceil((free - now.getTime()) / 1000)));
}

/** Checks that what the step was planned on still holds, but for what the step itself writes. */
export function asPlanned({ volume, lease }: VolumeRecord, intended: readonly Write[]): Write[] {
  const written = new Set(intended.map(({ entity }) => entity));
  return [
    ...(written.has('volume') ? [] : [check('volume', volume)]),
    ...(lease === undefined || written.has('lease') ? [] : [check('lease', lease)]),
  ];
}

export function ended(operation: OperationItem | undefined): Change {
  return { writes: [], outcome: operation?.status === 'succeeded' ? 'done' : 'failed' };
}

export function conflictOf(volumeId: string): ProductError {
  return new ProductError('Conflict', 'The volume went away meanwhile.', {
    about: { volumeId, item: 'step' },
  });
}
