import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { milliseconds, sideBySide, type Comparison } from './measure.ts';

/** `hivemind --help` as a whole process, beside a node that does nothing. */
export function helpTime(home: string): Promise<Comparison> {
  const node = join(home, 'runtime', 'node');
  const time = (...args: string[]): Promise<number> =>
    milliseconds(() => spawnSync(node, args, { stdio: 'ignore' }));
  return sideBySide({
    what: '`hivemind --help`',
    against: '`node -e 0`',
    unit: 'ms',
    runs: 15,
    ours: () => time(join(home, 'runtime', 'bundles', 'hivemind.mjs'), '--help'),
    theirs: () => time('-e', '0'),
  });
}
