import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HostError } from './errors.ts';
import { run } from './exec.ts';
import { withLock } from './lock.ts';

/** The /30 network of a host: `gateway` is the machine's end of the veth pair, `address` the host's. */
export interface Subnet {
  readonly number: number;
  readonly gateway: string;
  readonly address: string;
  /** The machine's end of the veth pair. */
  readonly link: string;
}

const COUNT = 256 * 64;

/** Number N is 10.99.N.0/30; from 256 on the next /30 of each of those. */
export function subnet(number: number): Subnet {
  const base = `10.99.${number % 256}`;
  const offset = Math.floor(number / 256) * 4;
  return {
    number,
    gateway: `${base}.${offset + 1}`,
    address: `${base}.${offset + 2}`,
    link: `hivemind${number}`,
  };
}

/** Machine-wide: which host of which cloud holds which network and the shared mount points. Gone after a reboot. */
const CLAIMS = '/run/hivemind-hosts';

const claimPath = (number: number): string => join(CLAIMS, String(number));

/** A claim counts while the host's folder is there: a home that was simply deleted holds nothing. */
function holder(number: number): string | undefined {
  const path = claimPath(number);
  if (!existsSync(path)) return undefined;
  const dir = readFileSync(path, 'utf8').trim();
  return existsSync(dir) ? dir : undefined;
}

async function addressesInUse(): Promise<Set<string>> {
  const links: unknown = JSON.parse(await run('ip', ['-json', '-4', 'address', 'show']));
  return new Set(
    (links as { addr_info?: { local?: string }[] }[]).flatMap((link) =>
      (link.addr_info ?? []).flatMap((info) => info.local ?? []),
    ),
  );
}

/**
 * Claims a network for the host with that (existing) folder; the preferred one if it is free.
 * @throws HostError `NoSubnet` when every network is taken.
 */
export function claimSubnet(dir: string, preferred?: number): Promise<Subnet> {
  return withLock('hosts', async () => {
    mkdirSync(CLAIMS, { recursive: true });
    const used = await addressesInUse();
    const free = (number: number): boolean => {
      const held = holder(number);
      return held === dir || (held === undefined && !used.has(subnet(number).gateway));
    };
    const order = [...(preferred === undefined ? [] : [preferred]), ...Array.from({ length: COUNT }).keys()];
    const number = order.find((candidate) => free(candidate));
    if (number === undefined) throw new HostError('NoSubnet', 'Every network of 10.99.0.0/16 is taken.');
    writeFileSync(claimPath(number), `${dir}\n`);
    return subnet(number);
  });
}

/** Gives a network back. `whenLast` runs, under the machine-wide lock, if no host of any cloud is left. */
export function releaseSubnet(dir: string, number: number, whenLast: () => void): Promise<void> {
  return withLock('hosts', () => {
    const path = claimPath(number);
    if (existsSync(path) && readFileSync(path, 'utf8').trim() === dir) rmSync(path);
    if (!existsSync(CLAIMS)) return;
    for (const name of readdirSync(CLAIMS)) {
      if (holder(Number(name)) === undefined) rmSync(join(CLAIMS, name), { force: true });
    }
    if (readdirSync(CLAIMS).length > 0) return;
    rmdirSync(CLAIMS);
    whenLast();
  });
}
