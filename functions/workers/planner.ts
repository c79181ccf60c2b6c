import type { ErrorCode } from '#shared/model/errors.ts';
import type { OperationItem } from '#shared/model/items.ts';

/** What a step tells people while it is done. Progress is 0 to 100 and never shown to fall. */
export interface Saying {
  readonly message: string;
  readonly progress: number;
}

/**
 * A step of a driver: its kind and arguments, what it says, and the mark that its confirmation leaves in the operation's
 * trail (default: its kind).
 */
export type StepOf<Steps> = {
  [K in keyof Steps & string]: { readonly kind: K; readonly mark?: string } & Saying & Readonly<Steps[K]>;
}[keyof Steps & string];

/** The data of an error that ends an operation. */
export interface Failure {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly hint?: string;
}

/** Steps that every driver has. None of them calls AWS. */
export interface CommonSteps {
  /** Nothing to do but to look again. */
  wait: { readonly seconds: number };
  /** The operation has ended already: the execution ends too. */
  stop: { readonly outcome: 'done' | 'failed' };
  /** Ends the operation alone; the volume is not this operation's (any more). */
  abandon: { readonly failure: Failure };
}

export const minutes = (count: number): number => count * 60_000;

export function ageOf(operation: OperationItem, now: Date): number {
  return now.getTime() - Date.parse(operation.createdAt);
}

/** Seconds to wait before looking again: often at first, seldom when it takes long. */
export function pace(ageMs: number): number {
  if (ageMs < 10_000) return 1;
  if (ageMs < minutes(1)) return 2;
  return ageMs < minutes(5) ? 5 : 15;
}

export function done(operation: OperationItem, mark: string): boolean {
  return operation.trail.includes(mark);
}
