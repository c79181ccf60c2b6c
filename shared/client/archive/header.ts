import { refusedArchive } from './refused.ts';

export const blockBytes = 512;

/** A ustar header block as it stands. Text is bytes held as latin1, since Linux names are bytes. */
export interface RawHeader {
  readonly name: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly type: string;
  readonly linkName: string;
}

const fields = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  linkName: [157, 100],
  magic: [257, 8],
  prefix: [345, 155],
} as const;
type Field = keyof typeof fields;

const posixMagic = 'ustar\u000000';
const gnuMagic = 'ustar  \0';

/** @throws ArchiveRefused for anything that is not a header of POSIX or GNU tar with a right checksum. */
export function parseHeader(block: Buffer): RawHeader {
  const magic = raw(block, 'magic');
  if (magic !== posixMagic && magic !== gnuMagic) throw refusedArchive('it is not a tar archive, or damaged');
  if (number(block, 'checksum') !== checksum(block))
    throw refusedArchive('a header has a wrong checksum: it is damaged');
  const prefix = magic === posixMagic ? text(block, 'prefix') : '';
  return {
    name: prefix === '' ? text(block, 'name') : `${prefix}/${text(block, 'name')}`,
    mode: number(block, 'mode'),
    uid: number(block, 'uid'),
    gid: number(block, 'gid'),
    size: number(block, 'size'),
    mtime: number(block, 'mtime'),
    type: raw(block, 'type'),
    linkName: text(block, 'linkName'),
  };
}

/** A POSIX header. What does not fit (long names, large numbers) must stand in a pax header before it. */
export function formatHeader(header: RawHeader): Buffer {
  const block = Buffer.alloc(blockBytes);
  block.write(header.name.slice(0, 100), 0, 'latin1');
  for (const field of ['mode', 'uid', 'gid', 'size', 'mtime'] as const) octal(block, field, header[field]);
  block.write(header.type, fields.type[0], 'latin1');
  block.write(header.linkName.slice(0, 100), fields.linkName[0], 'latin1');
  block.write(posixMagic, fields.magic[0], 'latin1');
  block.write(`${checksum(block).toString(8).padStart(6, '0')}\0 `, fields.checksum[0], 'latin1');
  return block;
}

export function isZero(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

/** Bytes from the end of so much data to the next block. */
export function paddingOf(size: number): number {
  return (blockBytes - (size % blockBytes)) % blockBytes;
}

function raw(block: Buffer, field: Field): string {
  const [at, size] = fields[field];
  return block.toString('latin1', at, at + size);
}

function text(block: Buffer, field: Field): string {
  const [value = ''] = raw(block, field).split('\0', 1);
  return value;
}

/** Octal digits, or GNU's base 256 (first bit set) for what is larger. */
function number(block: Buffer, field: Field): number {
  const [at, size] = fields[field];
  if ((block[at] ?? 0) === 0x80) {
    const value = BigInt(`0x${block.toString('hex', at + 1, at + size)}`);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw refusedArchive(`a header's ${field} is out of range`);
    return Number(value);
  }
  const digits = text(block, field).trim();
  if (digits === '') return 0;
  if (!/^[0-7]+$/.test(digits)) throw refusedArchive(`a header's ${field} is not a number`);
  return Number.parseInt(digits, 8);
}

function octal(block: Buffer, field: Field, value: number): void {
  const [at, size] = fields[field];
  const digits = Math.max(0, Math.trunc(value)).toString(8);
  const shown = digits.length < size ? digits : '0';
  block.write(`${shown.padStart(size - 1, '0')}\0`, at, 'latin1');
}

/** The sum of the header's bytes, its own field taken as spaces. */
function checksum(block: Buffer): number {
  const [at, size] = fields.checksum;
  let sum = 0;
  for (let index = 0; index < blockBytes; index++)
    sum += index >= at && index < at + size ? 32 : (block[index] ?? 0);
  return sum;
}
