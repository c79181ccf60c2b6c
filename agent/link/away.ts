import { isProductError } from '#shared/model/errors.ts';

/** Whether an error means that the control plane did not answer, as opposed to: it answered no. */
export function isAway(error: unknown): boolean {
  return isProductError(error, 'Unavailable', 'Throttled', 'TimedOut', 'Internal');
}
