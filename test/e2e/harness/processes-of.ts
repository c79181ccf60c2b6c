import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A process as /proc shows it. */
export interface Running {
  readonly pid: number;
  readonly command: string;
  /** Everything that it has mapped. */
  readonly maps: string;
  /** Where it listens, TCP: IPv4 as `127.0.0.1:80`, IPv6 as the kernel's hexadecimal digits. */
  readonly listens: readonly string[];
}

/** Every process of a local cloud: those that name its home in their command or environment, and their children. */
export function processesOf(home: string): Running[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const parents = new Map(all.map((pid) => [pid, /^PPid:\s+(\d+)/m.exec(read(pid, 'status'))?.[1]]));
  const own = new Set(all.filter((pid) => `${read(pid, 'cmdline')}${read(pid, 'environ')}`.includes(home)));
  const isOwn = (pid: string | undefined): boolean =>
    pid !== undefined && (own.has(pid) || isOwn(parents.get(pid)));
  return all.filter(isOwn).map((pid) => ({
    pid: Number(pid),
    command: read(pid, 'cmdline').replaceAll('\0', ' ').trim(),
    maps: read(pid, 'maps'),
    listens: listensOf(pid),
  }));
}

/** Empty for a process that has ended meanwhile. */
function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

function listensOf(pid: string): string[] {
  const sockets = new Set(descriptorsOf(pid));
  const found: string[] = [];
  // The tables are those of the process's own network namespace.
  for (const table of ['net/tcp', 'net/tcp6']) {
    for (const line of read(pid, table).split('\n').slice(1)) {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      if (state === '0A' && sockets.has(`socket:[${inode}]`)) found.push(readable(local));
    }
  }
  return found;
}

function descriptorsOf(pid: string): string[] {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).map((name) => target(`${folder}/${name}`));
  } catch {
    return [];
  }
}

function target(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return '';
  }
}

/** The kernel writes an IPv4 address as one little-endian number. */
function readable(local: string): string {
  const [address = '', port = ''] = local.split(':');
  if (address.length !== 8) return local;
  const bytes = [...Buffer.from(address, 'hex')].toReversed();
  return `${bytes.join('.')}:${Number.parseInt(port, 16)}`;
}
