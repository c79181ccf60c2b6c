import { gzipSync } from 'node:zlib';
import { formatHeader } from '#shared/client/archive/header.ts';
import { endOfArchive, formatPax } from '#shared/client/archive/pax.ts';

/*
 * Writes tar members as somebody hostile would: nothing is checked.
 */

export interface MemberOptions {
  readonly name?: string;
  readonly type?: string;
  readonly linkName?: string;
  readonly data?: string | Buffer;
  /** What the header says, when that is not the data's size. */
  readonly size?: number;
  readonly mode?: number;
}

export const zeros = (size: number): Buffer => Buffer.alloc(size);

export function member(options: MemberOptions): Buffer {
  const data = Buffer.from(options.data ?? '');
  const header = formatHeader({
    name: options.name ?? 'short',
    mode: options.mode ?? 0o644,
    uid: 0,
    gid: 0,
    size: options.size ?? data.length,
    mtime: 1_700_000_000,
    type: options.type ?? '0',
    linkName: options.linkName ?? '',
  });
  return Buffer.concat([header, data, zeros((512 - (data.length % 512)) % 512)]);
}

/** A pax header, and the member that it is about. */
export function paxMember(
  records: Readonly<Record<string, string>>,
  about?: MemberOptions,
  type: 'x' | 'g' = 'x',
): Buffer {
  const header = formatPax(type, new Map(Object.entries(records)));
  return about === undefined ? header : Buffer.concat([header, member(about)]);
}

export const tarOf = (...members: readonly Buffer[]): Buffer => Buffer.concat([...members, endOfArchive]);
export const archiveOf = (...members: readonly Buffer[]): Buffer => gzipSync(tarOf(...members));
