import { closeSync, openSync, readSync } from 'node:fs';

/** ELF: a program header of this type names the loader of a program that is linked dynamically. */
const ptInterp = 3;

/** Whether a file is a 64-bit little-endian ELF program that needs no loader: one that runs in an empty container. */
export function isStaticProgram(file: string): boolean {
  try {
    const types = programHeaderTypes(file);
    return types.length > 0 && !types.includes(ptInterp);
  } catch {
    // Not there, or not ours to read.
    return false;
  }
}

function programHeaderTypes(file: string): number[] {
  const descriptor = openSync(file, 'r');
  try {
    const header = Buffer.alloc(64);
    if (readSync(descriptor, header, 0, 64, 0) < 64) return [];
    const is64BitLittleEndian = header.readUInt32BE(0) === 0x7f454c46 && header.readUInt16BE(4) === 0x0201;
    if (!is64BitLittleEndian) return [];
    const offset = Number(header.readBigUInt64LE(32));
    const [size, count] = [header.readUInt16LE(54), header.readUInt16LE(56)];
    const table = Buffer.alloc(size * count);
    readSync(descriptor, table, 0, table.length, offset);
    return Array.from({ length: count }, (_, index) => table.readUInt32LE(index * size));
  } finally {
    closeSync(descriptor);
  }
}
