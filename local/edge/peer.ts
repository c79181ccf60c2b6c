import { readdirSync, readFileSync, readlinkSync, type Dirent } from 'node:fs';
import type { Socket } from 'node:net';

/**
 * The process at the other end of a loopback (or veth) connection, read from the kernel's own tables: its address and
 * port in a network namespace's /proc/PID/net/tcp name a socket, and the process whose descriptor that socket is made
 * the call. Undefined when it is gone, is not on this machine, or is this process itself.
 */
export function peerProcess(socket: Socket): number | undefined {
  const peer = endOf(socket.remoteAddress, socket.remotePort);
  const here = endOf(socket.localAddress, socket.localPort);
  if (peer === undefined || here === undefined) return undefined;
  const networks = [...processesByNetwork().values()];
  const exact = holderOf(networks, (own, other) => own === peer && other === here);
  if (exact !== undefined || loopback.test(peer)) return exact;
  // A host's connection that was passed on here: at its end it goes to another address.
  return holderOf(networks, (own) => own === peer);
}

/** How the tables write 127.…: every network has these addresses, so that only both ends tell a connection. */
const loopback = /^[0-9A-F]{6}7F:/;

type Ends = (own: string, other: string) => boolean;

/** A port alone tells no process: several have the same one, to different destinations. */
function holderOf(networks: readonly (readonly number[])[], isMeant: Ends): number | undefined {
  for (const pids of networks) {
    const inode = socketInode(pids, isMeant);
    const holder = inode === undefined ? undefined : pids.find((pid) => holds(pid, `socket:[${inode}]`));
    if (holder !== undefined && holder !== process.pid) return holder;
  }
  return undefined;
}

function endOf(address: string | undefined, port: number | undefined): string | undefined {
  if (address === undefined || port === undefined) return undefined;
  return procAddress(address.replace(/^::ffff:/, ''), port);
}

/** `127.0.0.1`, 4566 -> `0100007F:11D6`. */
function procAddress(address: string, port: number): string {
  const bytes = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return `${bytes.toReversed().join('')}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
}

function processesByNetwork(): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const network = Number.isInteger(pid) ? link(`/proc/${name}/ns/net`) : undefined;
    if (network === undefined) continue;
    const pids = found.get(network);
    if (pids) pids.push(pid);
    else found.set(network, [pid]);
  }
  return found;
}

function socketInode(pids: readonly number[], isMeant: Ends): string | undefined {
  for (const pid of pids) {
    const table = read(`/proc/${pid}/net/tcp`);
    if (table === undefined) continue;
    return table
      .split('\n')
      .slice(1)
      .map((row) => row.trim().split(/\s+/))
      .find(([, own = '', other = '', ...more]) => isMeant(own, other) && more[6] !== '0')?.[9];
  }
  return undefined;
}

function holds(pid: number, target: string): boolean {
  return descriptors(pid).some(({ name }) => link(`/proc/${pid}/fd/${name}`) === target);
}

function descriptors(pid: number): Dirent[] {
  try {
    return readdirSync(`/proc/${pid}/fd`, { withFileTypes: true });
  } catch {
    return [];
  }
}

function link(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}
