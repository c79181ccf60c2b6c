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
function pauseDuring<T>(
  stage: Stage,
  volume: string,
  work: () => Promise<T>,
): Promise<{ readonly pause: number; readonly done: T }> {
  const [file, stop] = [`${stage.pathOf(volume)}/written`, `/run/bench-stop-${volume}`];
  const { home, host } = stage;
  return stage.whileUsed(volume, async () => {
    await host('rm', '-f', file, stop);
    const written = host(nodeOf(home), '-e', writer, file, stop);
    await host('sh', '-ec', `until [ -s ${file} ]; do sleep 0.1; done`);
    let done: T;
    try {
      done = await work();
    } finally {
      await host('touch', stop);
    }
    return { pause: Number(await written), done };
  });
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
    const began = performance.now();
    const backup = (): Promise<string> => stage.hivemind('volume', 'backup', volume, '--wait', '--json');
    const { pause, done } = await pauseDuring(stage, volume, backup);
    took = performance.now() - began;
    frozen = (JSON.parse(done) as Backup).frozenMs ?? NaN;
    return pause;
  };
  const leftAlone = async (): Promise<number> =>
    (await pauseDuring(stage, volumes.at(-1) ?? '', () => delay(took))).pause;
  const rows = await allInTurn({
    what: () => 'longest pause of a writer during a snapshot backup',
    unit: 'ms',
    runs,
    ours: [{ name: 'pause', sample: backedUp }],
    theirs: [
      { name: 'the frozen time on the backup’s record', sample: () => frozen },
      { name: 'its longest pause in as long a time without a backup', sample: leftAlone },
    ],
  });
  for (const volume of volumes) await stage.remove(volume);
  return rows;
}
