/** Tags of Linux's posix_acl_xattr, in the order the kernel demands. */
const tags = {
  user: { own: 0x01, named: 0x02 },
  group: { own: 0x04, named: 0x08 },
  mask: { own: 0x10, named: undefined },
  other: { own: 0x20, named: undefined },
} as const;
const version = 2;
const nobody = 0xffffffff;

interface Entry {
  readonly tag: number;
  readonly permissions: number;
  readonly id: number;
}

/**
 * An access list as tar's text ("user::rw-", "user:1000:r--", … on lines or separated by commas), as the bytes (held as
 * latin1) of the attribute that the kernel keeps. Undefined where it has names in place of numbers, which mean nothing on
 * another host, or is damaged.
 */
export function accessListBytes(text: string): string | undefined {
  const entries: Entry[] = [];
  for (const line of text.split(/[\n,]/).filter((each) => each.trim() !== '')) {
    const entry = entryOf(line.trim());
    if (entry === undefined) return undefined;
    entries.push(entry);
  }
  const bytes = Buffer.alloc(4 + 8 * entries.length);
  bytes.writeUInt32LE(version, 0);
  for (const [index, entry] of entries.toSorted((a, b) => a.tag - b.tag || a.id - b.id).entries()) {
    const at = 4 + 8 * index;
    bytes.writeUInt16LE(entry.tag, at);
    bytes.writeUInt16LE(entry.permissions, at + 2);
    bytes.writeUInt32LE(entry.id, at + 4);
  }
  return bytes.toString('latin1');
}

function entryOf(line: string): Entry | undefined {
  const [, kind, qualifier = '', permissions = ''] =
    /^(user|group|mask|other):(\d{0,10}):([r-][w-][x-])(?:\s.*)?$/.exec(line) ?? [];
  if (kind === undefined || !Object.hasOwn(tags, kind)) return undefined;
  const { own, named } = tags[kind as keyof typeof tags];
  const id = qualifier === '' ? nobody : Number(qualifier);
  const tag = qualifier === '' ? own : named;
  if (tag === undefined || id > nobody) return undefined;
  const bits = Number.parseInt(permissions.replaceAll(/[rwx]/g, '1').replaceAll('-', '0'), 2);
  return { tag, permissions: bits, id };
}
