import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestHost } from './host.ts';

/**
 * A Compose project on a host, in a folder of that host's disk. The file is Compose's own format, version 3.8, which
 * docker-compose 1.29 and `docker compose` both read.
 */
export function composeProject(
  host: TestHost,
  name: string,
  file: string,
): (...args: string[]) => Promise<string> {
  const folder = join('/var/lib/hivemind', 'projects', name);
  mkdirSync(host.path(folder), { recursive: true });
  writeFileSync(join(host.path(folder), 'docker-compose.yml'), file);
  return (...args) => host.compose(folder, ...args);
}
