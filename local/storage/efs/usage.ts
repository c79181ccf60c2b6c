import { run } from '../bytes/exec.ts';
import type { Cloud } from '../cloud.ts';

interface Measure {
  readonly bytes: number;
  readonly at: Date;
}

const known = new Map<string, Measure>();
const underWay = new Set<string>();
const freshMs = 10_000;
/** EFS meters 6 KiB for the root of an empty file system. */
const empty = 6144;

/** The size last measured; like EFS's, it lags behind. An old measure starts a new one in the background. */
export function measured(cloud: Cloud, folder: string): Measure {
  const last = known.get(folder);
  if ((!last || Date.now() - last.at.getTime() > freshMs) && !underWay.has(folder)) {
    underWay.add(folder);
    cloud.work.later(`usage/${folder}`, 0, () => measure(folder));
  }
  return last ?? { bytes: empty, at: new Date() };
}

async function measure(folder: string): Promise<void> {
  try {
    const bytes = Number((await run('du', ['--summarize', '--block-size=1', '--', folder])).split('\t')[0]);
    known.set(folder, { bytes: Math.max(empty, bytes), at: new Date() });
  } catch {
    // Files came and went while du ran, or the file system is gone: the next one measures again.
  } finally {
    underWay.delete(folder);
  }
}
