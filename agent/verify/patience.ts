import { ProductError } from '#shared/model/errors.ts';

interface Limits {
  readonly now: () => number;
  readonly until: number;
  readonly stopping: AbortSignal | undefined;
}

/** @throws ProductError TimedOut when the time is up; Unavailable when the agent is to end */
export function refuseLate({ now, until, stopping }: Limits): void {
  if (stopping?.aborted === true)
    throw new ProductError('Unavailable', 'The agent was stopped in the middle of a drill.', {
      hint: 'Drill the backup again.',
    });
  if (now() < until) return;
  throw new ProductError('TimedOut', 'The copy could not be compared in time.', {
    hint: 'Give the drill a larger host, or look at the volume by hand: restore the backup to a new volume.',
  });
}
