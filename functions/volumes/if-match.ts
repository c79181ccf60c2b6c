import { ProductError } from '#shared/model/errors.ts';
import type { VolumeItem } from '#shared/model/items.ts';
import { etagOf } from './answer.ts';

/** If-Match is checked when it is sent. @throws ProductError StaleRevision naming the current ETag. */
export function checkIfMatch(volume: VolumeItem, ifMatch: string | undefined): void {
  if (ifMatch === undefined) return;
  const accepted = ifMatch.split(',').map((tag) => tag.trim());
  if (accepted.includes('*') || accepted.includes(etagOf(volume))) return;
  throw new ProductError(
    'StaleRevision',
    `"${volume.name}" has changed: it is at revision ${volume.revision}.`,
    {
      value: ifMatch,
      allowed: etagOf(volume),
      about: { volumeId: volume.id },
      hint: 'Read it again, and send its ETag.',
    },
  );
}
