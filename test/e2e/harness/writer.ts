import { readFileSync } from 'node:fs';
import { until } from '#test/support/until.ts';
import type { TestHost } from './host.ts';

/**
 * A container that appends numbered lines to /data/lines, each synced before the next, and notes beside the volume
 * (in the host's memory, so that it can be read while the host is frozen) which one was acknowledged last.
 */
export interface Writer {
  readonly container: string;
  /** Number of the last line that was synced. */
  acknowledged(): number;
  /** Waits until that many more lines are acknowledged. */
  more(lines: number): Promise<void>;
  /** Waits for the writer to give up, which it does at its first failed write. */
  failed(): Promise<void>;
}

const script = [
  'n=0',
  'while n=$((n+1)); echo $n >>/data/lines && sync /data/lines; do echo $n >/notes/acknowledged; done',
  'echo failed >/notes/outcome',
  'sleep 3600',
].join('\n');

/** Starts a writer on a host, over a volume of ours. */
export async function startWriter(host: TestHost, container: string, volume: string): Promise<Writer> {
  const notes = `/run/writers/${container}`;
  await host.run('mkdir', '-p', notes);
  await host.run('sh', '-c', `echo 0 >${notes}/acknowledged`);
  const mounts = ['-v', `${volume}:/data`, '-v', `${notes}:/notes`, '--volume-driver', 'hivemind'];
  await host.docker(
    'run',
    '-d',
    '--name',
    container,
    ...mounts,
    '--network',
    'none',
    'busybox',
    'sh',
    '-c',
    script,
  );
  const read = (name: string): string => readFileSync(host.path(`${notes}/${name}`), 'utf8').trim();
  const acknowledged = (): number => Number(read('acknowledged'));
  return {
    container,
    acknowledged,
    more: async (lines) => {
      const from = acknowledged();
      await until(`${lines} more lines are written`, () => acknowledged() >= from + lines);
    },
    failed: async () => {
      await until('the writer gives up', () => read('outcome') === 'failed');
    },
  };
}

/** What a volume's file of lines should be: 1 to at least `count`, nothing missing, nothing doubled, nothing torn before that. */
export function intactLines(text: string, count: number): boolean {
  const lines = text.split('\n').slice(0, count);
  return lines.length === count && lines.every((line, index) => line === String(index + 1));
}
