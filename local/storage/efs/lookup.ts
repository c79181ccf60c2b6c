import { createHash } from 'node:crypto';
import type { Call } from '../cloud.ts';
import type { AccessPoint, FileSystem, MountTarget } from '../state/entities.ts';
import type { View } from '../state/store.ts';
import { efsErrors } from './errors.ts';

/** EFS takes an id or the ARN that ends in it. */
const bare = (idOrArn: string | undefined): string => (idOrArn ?? '').replace(/^.*\//, '');

export function fileSystemOf(view: View, call: Call, idOrArn: string | undefined): FileSystem {
  const id = bare(idOrArn);
  const found = view.get('fileSystems', id);
  if (found?.region !== call.region) throw efsErrors.fileSystemNotFound(id);
  return found;
}

export function accessPointOf(view: View, call: Call, idOrArn: string | undefined): AccessPoint {
  const id = bare(idOrArn);
  const found = view.get('accessPoints', id);
  if (found?.region !== call.region) throw efsErrors.accessPointNotFound(id);
  return found;
}

export function mountTargetOf(view: View, call: Call, id: string | undefined): MountTarget {
  const found = view.get('mountTargets', id ?? '');
  if (found?.region !== call.region) throw efsErrors.mountTargetNotFound(id ?? '');
  return found;
}

export const targetsOf = (view: View, fileSystemId: string): readonly MountTarget[] =>
  view.list('mountTargets').filter((target) => target.fileSystemId === fileSystemId);

export const accessPointsOf = (view: View, fileSystemId: string): readonly AccessPoint[] =>
  view.list('accessPoints').filter((point) => point.fileSystemId === fileSystemId);

export const arnOf = (
  { region, account }: { region: string; account: string },
  kind: 'file-system' | 'access-point',
  id: string,
): string => `arn:aws:elasticfilesystem:${region}:${account}:${kind}/${id}`;

interface Listing<T> {
  readonly items: readonly T[];
  readonly key: (item: T) => string;
  readonly most: number | undefined;
  readonly token: string | undefined;
  /** The rest of the query: a token is good for it alone. */
  readonly query: unknown;
}

/** One page by key, at most 100 items; `next` is the token of the following one. */
export function restPage<T>({ items, key, most, token, query }: Listing<T>): {
  items: T[];
  next: string | undefined;
} {
  const mark = createHash('sha256').update(JSON.stringify(query)).digest('hex').slice(0, 12);
  const after = token === undefined ? undefined : afterOf(token, mark);
  const sorted = items
    .toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
    .filter((item) => after === undefined || key(item) > after);
  const page = sorted.slice(0, Math.min(most ?? 100, 100));
  const last = page.at(-1);
  const next =
    last !== undefined && page.length < sorted.length
      ? Buffer.from(mark + key(last)).toString('base64url')
      : undefined;
  return { items: page, next };
}

function afterOf(token: string, mark: string): string {
  const text = Buffer.from(token, 'base64url').toString('utf8');
  if (!text.startsWith(mark)) throw efsErrors.badRequest('The token is not valid for this request');
  return text.slice(mark.length);
}
