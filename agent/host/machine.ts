import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';

/** What tells this run of this machine from any other. */
export interface Machine {
  readonly bootId: string;
  readonly hostname: string;
}

export async function thisMachine(): Promise<Machine> {
  const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
  return { bootId: bootId.trim(), hostname: hostname() };
}
