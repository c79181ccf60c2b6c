import { ProductError } from './errors.ts';
import type { Policy } from './policy.ts';
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

/**
 * What would be settled and never happen is a mistake: restic reads files while they are written to, and AWS's own backups
 * are in no bucket.
 * @throws ProductError InvalidInput
 */
export function refuseMisfitEngine(
  policy: Pick<Policy, 'engine' | 'consistency' | 'hooks' | 'repository'>,
): void {
  const { engine, hooks, repository } = policy;
  if (engine === 'native') {
    if (repository === undefined) return;
    throw new ProductError('InvalidInput', 'AWS makes the backups of this policy: they are in no bucket.', {
      value: repository.bucket,
      allowed: 'a repository with engine restic',
      hint: 'Ask for --engine restic, or leave the bucket out (update: --s3-endpoint none).',
    });
  }
  const kind = policy.consistency ?? (hooks === undefined ? 'none' : 'hooks');
  if (kind === 'none') return;
  throw new ProductError('InvalidInput', 'restic reads the files while they are written to.', {
    value: kind,
    allowed: 'none with engine restic',
    hint: 'Leave the consistency and the hooks out (update: --consistency none), or ask for --engine native.',
  });
}
