import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { hostPaths } from './cloud.ts';
import { HostError } from './errors.ts';

const processRefSchema = z.object({ pid: z.int().positive(), startTime: z.string() });

/**
 * HOME/hosts/NAME/host.json: what was decided about a host and which processes were started for it. Whether they
 * still run is asked of the kernel, never read from here.
 */
export const hostRecordSchema = z.object({
  version: z.literal(1),
  name: z.string(),
  instanceId: z.string().regex(/^i-[0-9a-f]{17}$/),
  zone: z.string(),
  instanceType: z.string(),
  /** Whose volumes it serves; absent: `default`. */
  namespace: z.string().optional(),
  /** Number of the /30 network, and thus of the addresses and the veth pair. */
  subnet: z.int().nonnegative(),
  cgroup: z.string(),
  docker: z.boolean(),
  agent: z.boolean(),
  /** What the person wants: `running` until stop or cut. */
  desired: z.enum(['running', 'stopped']),
  createdAt: z.string(),
  bootId: z.string().optional(),
  init: processRefSchema.optional(),
  /** Set while namespaces are being made: a host that was left there is started afresh. */
  booting: z.boolean().default(false),
  imds: processRefSchema.optional(),
  /** TCP forwarders, where iptables is missing. */
  forwarders: z.array(processRefSchema).default([]),
});

/** See {@link hostRecordSchema}. */
export type HostRecord = z.infer<typeof hostRecordSchema>;

/** Writes a JSON file so that a reader sees the old or the new content, never a part. */
export function writeJson(path: string, value: unknown): void {
  const fresh = `${path}.${process.pid}.new`;
  writeFileSync(fresh, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(fresh, path);
}

/** The record of a host, or undefined when there is none (or only the torn folder of an unfinished removal). */
export function findHost(home: string, name: string): HostRecord | undefined {
  const { file } = hostPaths(home, name);
  if (!existsSync(file)) return undefined;
  return hostRecordSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
}

/** As {@link findHost}. @throws HostError `HostNotFound` naming the hosts there are. */
export function readHost(home: string, name: string): HostRecord {
  const found = findHost(home, name);
  if (found) return found;
  const names = listHosts(home).map((host) => host.name);
  const there = names.length > 0 ? names.join(', ') : 'none yet; "host add NAME" makes one';
  throw new HostError('HostNotFound', `No host "${name}". Hosts: ${there}.`);
}

/** Saves and returns the record. */
export function saveHost(home: string, record: HostRecord): HostRecord {
  writeJson(hostPaths(home, record.name).file, record);
  return record;
}

/** All hosts of a cloud that have namespaces, by name. */
export function listHosts(home: string): HostRecord[] {
  const root = join(home, 'hosts');
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .sort()
    .flatMap((name) => findHost(home, name) ?? []);
}
