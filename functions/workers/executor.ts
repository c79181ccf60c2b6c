import type { Write } from '#shared/aws/table/writes.ts';
import type { Change, ChangeFacts } from './change.ts';

/**
 * How one kind of step is performed. `record`: only the table changes. `effect`: AWS is called, under a claim (contract 8),
 * and what it answered becomes a change of the record as it is then (it may have been updated meanwhile).
 */
export type Executor<Step, Facts extends ChangeFacts> =
  | { readonly kind: 'record'; readonly change: (facts: Facts, step: Step) => Change }
  | {
      readonly kind: 'effect';
      /** What is recorded with the claim, before the effect. */
      readonly intend?: (facts: Facts, step: Step) => readonly Write[];
      readonly perform: (step: Step, facts: Facts) => Promise<(facts: Facts) => Change>;
    };

/** One executor per kind of step: a step without one does not compile. */
export type Executors<Step extends { readonly kind: string }, Facts extends ChangeFacts> = {
  readonly [K in Step['kind']]: Executor<Extract<Step, { readonly kind: K }>, Facts>;
};

export function executorOf<Step extends { readonly kind: string }, Facts extends ChangeFacts>(
  executors: Executors<Step, Facts>,
  step: Step,
): Executor<Step, Facts> {
  // The map pairs each kind with the executor of just that kind; the compiler cannot see it through an index.
  return executors[step.kind as Step['kind']] as unknown as Executor<Step, Facts>;
}
