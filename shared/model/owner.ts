import { ProductError } from './errors.ts';

/**
 * Parses "uid:gid", as docker's --user.
 * @throws ProductError InvalidInput
 */
export function parseOwner(text: string): { uid: number; gid: number } {
  const [, uid, gid] = /^(\d{1,10}):(\d{1,10})$/.exec(text.trim()) ?? [];
  if (uid === undefined || gid === undefined) {
    throw new ProductError('InvalidInput', `"${text}" is not an owner.`, {
      value: text,
      allowed: 'numeric uid:gid, such as "1000:1000"',
    });
  }
  return { uid: Number(uid), gid: Number(gid) };
}
