import { setTimeout as delay } from 'node:timers/promises';
import type { Backup } from '#shared/model/backup.ts';
import { nodeOf } from '#local/hosts/cloud.ts';
import { allInTurn, type Comparison } from '../measure.ts';
import type { Scale } from './scale.ts';
import type { Stage } from './stage.ts';

/** Writes and syncs without end until there is a file `stop`, then says the longest time between two writes, in ms. */
const writer = `
const fs = require('fs');
const [file, stop] = process.argv.slice(1);
const fd = fs.openSync(file, 'w');
const block = Buffer.alloc(4096, 1);
let last = performance.now(), longest = 0;
while (!fs.existsSync(stop)) {
  fs.writeSync(fd, block, 0, block.length, 0);
  fs.fdatasyncSync(fd);
  const now = performance.now();
  longest = Math.max(longest, now - last);
  last = now;
}
console.log(longest);
`;

/** The longest pause of a writer while something is done, in ms; and what that gave. */
async function pauseDuring<T>(
  { home, host, pathOf }: Stage,
  volume: string,
  work: () => Promise<T>,
): Promise<{ readonly pause: number; readonly done: T }> {
  const stop = `/run/bench-stop-${volume}`;
  const written = host(nodeOf(home), '-e', writer, `${pathOf(volume)}/written`, stop);
  // Long enough that the start of the writer itself does not count.
  await host('sh', '-ec', `until [ -s ${pathOf(volume)}/written ]; do :; done`);
  const done = await work().finally(() => host('touch', stop));
  const pause = Number(await written);
  await host('rm', stop);
  return { pause, done };
}

/**
 * How long a writer stands still for a snapshot backup, beside what the backup's record says it was frozen, and beside the
 * longest pause of the same writer in as long a time without a backup. A volume for each: EBS takes one snapshot of a
 * volume in 15 s.
 */
export async function freezes(stage: Stage, { freezes: runs }: Scale): Promise<Comparison[]> {
  let [frozen, took, made] = [0, 0, 0];
  const volumes: string[] = [];
  const backedUp = async (): Promise<number> => {
    const volume = `frozen-${made++}`;
    volumes.push(volume);
    await stage.create(volume);
    const release = await stage.hold(volume);
    const began = performance.now();
    const { pause, done } = await pauseDuring(stage, volume, async () => {
      const told = await stage.hivemind('volume', 'backup', volume, '--wait', '--json');
      return JSON.parse(told) as Backup;
    });
    took = performance.now() - began;
    frozen = done.frozenMs ?? NaN;
    await release();
    return pause;
  };
  const left = async (): Promise<number> => {
    const volume = volumes.at(-1) ?? '';
    const release = await stage.hold(volume);
    const { pause } = await pauseDuring(stage, volume, () => delay(took));
    await release();
    return pause;
  };
  const rows = await allInTurn({
    what: () => 'longest pause of a writer during a snapshot backup',
    unit: 'ms',
    runs,
    ours: [{ name: 'pause', sample: backedUp }],
    theirs: [
      { name: 'the frozen time on the backup’s record', sample: () => frozen },
      { name: 'its longest pause in as long a time without a backup', sample: left },
    ],
  });
  for (const volume of volumes)
    await stage.hivemind('volume', 'delete', volume, '--purge', '--yes', '--force', '--wait');
  return rows;
}
