import { isSingleWriter } from './rules-use.ts';
import { driverTraits, type Volume } from './volume.ts';

/**
 * Why a run would make no backup of a volume; undefined where it would. What has nothing to back up is never overdue.
 */
export function whyNoBackup(volume: Volume): string | undefined {
  const { driver, type, state, format } = volume;
  if (!driverTraits[driver].durable) return `it is ${type}: gone with its container`;
  if (state === 'creating' || state === 'unplaced' || state === 'failed') return `it is ${state}`;
  if (isSingleWriter(driver) && format !== 'formatted') return 'it is blank: nothing was ever written to it';
  return undefined;
}
