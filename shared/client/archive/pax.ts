import { blockBytes, formatHeader, paddingOf } from './header.ts';
import { refusedArchive } from './refused.ts';

/** Records of a pax extended header; keys and values are bytes held as latin1. */
export type PaxRecords = ReadonlyMap<string, string>;

/** @throws ArchiveRefused where a record's length is not what it says, or a key stands there twice. */
export function parsePax(data: Buffer): PaxRecords {
  const text = data.toString('latin1');
  const records = new Map<string, string>();
  for (let at = 0; at < text.length;) {
    const space = text.indexOf(' ', at);
    const digits = text.slice(at, space);
    const end = at + Number(digits);
    const equals = text.indexOf('=', space);
    const sound = space > at && /^[1-9]\d{0,8}$/.test(digits) && end <= text.length;
    if (!sound || equals <= space + 1 || equals >= end || text[end - 1] !== '\n')
      throw refusedArchive('a pax header is damaged');
    const key = text.slice(space + 1, equals);
    if (records.has(key)) throw refusedArchive(`a pax header says "${key.slice(0, 40)}" twice`);
    records.set(key, text.slice(equals + 1, end - 1));
    at = end;
  }
  return records;
}

/** The pax header (`x` for the next entry, `g` for all that follow) with its data, padded to whole blocks. */
export function formatPax(type: 'x' | 'g', records: PaxRecords): Buffer {
  const data = Buffer.from([...records].map(([key, value]) => record(key, value)).join(''), 'latin1');
  const header = formatHeader({
    name: type === 'g' ? 'pax_global_header' : './PaxHeaders/x',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: data.length,
    mtime: 0,
    type,
    linkName: '',
  });
  return Buffer.concat([header, data, Buffer.alloc(paddingOf(data.length))]);
}

/** "LENGTH key=value\n", where LENGTH counts its own digits. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (`${length}`.length + rest.length !== length) length = `${length}`.length + rest.length;
  return `${length}${rest}`;
}

/** The two zero blocks that end an archive. */
export const endOfArchive: Buffer = Buffer.alloc(2 * blockBytes);
