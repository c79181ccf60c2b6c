import { join } from 'node:path';
import type { Stage } from './stage.ts';

/** A way of the product to back up a volume's files and to bring them back, as a person calls it. */
export interface Way {
  readonly name: string;
  backup(volume: string): Promise<void>;
  /** What was backed up last, into an empty volume that nobody uses. */
  restore(volume: string): Promise<void>;
}

/** Through the archive bucket, to and from a file of the caller. */
function archive(stage: Stage): Way {
  const file = join(stage.scratch, 'ours.tar.gz');
  return {
    name: 'tar.gz',
    backup: async (volume) => {
      await stage.hivemind('volume', 'backup', volume, '--output', file, '--overwrite');
    },
    restore: async (volume) => {
      await stage.hivemind('volume', 'restore', volume, '--input', file);
    },
  };
}

/** Every way that there is: each is measured beside what others would use. */
export function waysOn(stage: Stage): readonly Way[] {
  return [archive(stage)];
}
