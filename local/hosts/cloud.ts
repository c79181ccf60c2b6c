import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What hosts need to know of their cloud: the part of cloud.json that they read. Paths under `sockets` are relative to
 * `home`; ports are on the machine's 127.0.0.1; `stack` are the outputs of the deployment, by name.
 */
export interface HostCloud {
  readonly home: string;
  readonly region: string;
  readonly account: string;
  readonly ports: { readonly aws: number; readonly api: number };
  readonly sockets: { readonly storageAdmin: string };
  readonly stack?: Readonly<Record<string, string>> | undefined;
}

/** Where the pieces of one host are; every path is absolute. */
export interface HostPaths {
  readonly dir: string;
  readonly file: string;
  readonly byId: string;
  readonly udev: string;
  readonly vol: string;
  readonly sbin: string;
  readonly log: string;
  readonly bootId: string;
  readonly agentConfig: string;
  readonly imdsConfig: string;
}

/** The folder of a host and what lies in it. */
export function hostPaths(home: string, name: string): HostPaths {
  const dir = join(home, 'hosts', name);
  return {
    dir,
    file: join(dir, 'host.json'),
    byId: join(dir, 'by-id'),
    udev: join(dir, 'udev'),
    vol: join(dir, 'vol'),
    sbin: join(dir, 'sbin'),
    log: join(dir, 'log'),
    bootId: join(dir, 'boot_id'),
    agentConfig: join(dir, 'agent.json'),
    imdsConfig: join(dir, 'imds.json'),
  };
}

/** The cloud's own node, or (before `up` made one) the one that runs us. */
export function nodeOf(home: string): string {
  const own = join(home, 'runtime', 'node');
  return existsSync(own) ? own : process.execPath;
}

/** A bundle of the cloud's runtime, by its name without the ending. */
export function bundleOf(home: string, name: string): string {
  return join(home, 'runtime', 'bundles', `${name}.mjs`);
}
