import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hostPaths } from '#local/hosts/cloud.ts';

/*
 * A machine is a host of one cloud at most: there is one /var/lib/hivemind, one plugin socket, one `hivemind` on PATH.
 * The marker names the home of the cloud that has it.
 */

const marker = '/var/lib/hivemind/local-cloud';

/** What this machine is in a cloud; kept with that cloud. */
export const thisHostFile = (home: string): string => join(hostPaths(home, 'local').dir, 'this-host.json');

/** The home of the cloud that this machine is a host of; a cloud that was deleted by hand has lost it. */
export function cloudOfThisMachine(file: string = marker): string | undefined {
  const home = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  return home !== '' && existsSync(thisHostFile(home)) ? home : undefined;
}

export function takeThisMachine(home: string, file: string = marker): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${home}\n`);
}

export function freeThisMachine(home: string, file: string = marker): void {
  if (cloudOfThisMachine(file) === home) rmSync(file);
}
