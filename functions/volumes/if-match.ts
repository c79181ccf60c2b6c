import { ProductError } from '#shared/model/errors.ts';
import type { VolumeItem } from '#shared/model/items.ts';
import { etagOf } from './answer.ts';

/** What an If-Match is held against: how people call it, its revision, and what an answer says of it. */
export interface Revised {
  readonly called: string;
  readonly revision: number;
  readonly about: Readonly<Record<string, string>>;
}

/** If-Match is checked when it is sent. @throws ProductError StaleRevision naming the current ETag. */
export function checkIfMatch({ name, id, revision }: VolumeItem, ifMatch: string | undefined): void {
  refuseStale({ called: name, revision, about: { volumeId: id } }, ifMatch);
}

/** The same for anything that has a revision. @throws ProductError StaleRevision naming the current ETag. */
export function refuseStale({ called, revision, about }: Revised, ifMatch: string | undefined): void {
  if (ifMatch === undefined) return;
  const etag = etagOf({ revision });
  const accepted = ifMatch.split(',').map((tag) => tag.trim());
  if (accepted.includes('*') || accepted.includes(etag)) return;
  throw new ProductError('StaleRevision', `"${called}" has changed: it is at revision ${revision}.`, {
    value: ifMatch,
    allowed: etag,
    about,
    hint: 'Read it again, and send its ETag.',
  });
}
