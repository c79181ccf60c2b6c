import { join } from 'node:path';
import type { FreezePorts } from './freezer.ts';
import { sparedFilesystems, type SparedPorts } from './spared.ts';
import { startWatchdog } from './watchdog.ts';

/** What freezing needs on a real host. `root` is the agent's state folder, with the mounts below it. */
export function systemFreeze({
  root,
  docker,
  ...tools
}: SparedPorts & Pick<FreezePorts, 'exec' | 'mounts' | 'log'>): FreezePorts {
  return {
    ...tools,
    stages: join(root, 'mounts'),
    spared: () => sparedFilesystems({ root, docker }),
    startWatchdog,
  };
}
