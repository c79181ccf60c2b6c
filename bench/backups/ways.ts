import { join } from 'node:path';
import type { Backup } from '#shared/model/backup.ts';
import type { Stage } from './stage.ts';

/** A way of the product to back up a volume's files and to bring them back, as a person calls it. */
export interface Way {
  readonly name: string;
  /** Makes room for a backup that has no earlier one to build on; not measured. */
  beforeBackup(): Promise<void>;
  backup(volume: string): Promise<void>;
  /** Makes room for a restore; not measured. */
  beforeRestore(): Promise<void>;
  /** Brings back what was backed up last. */
  restore(): Promise<void>;
  /** Removes what it has made. */
  end(): Promise<void>;
}

const nothing = (): Promise<void> => Promise.resolve();

/** For a shell: removes all that was put into the directory $1. */
export const clear = 'cd "$1"; for one in *; do [ "$one" = lost+found ] || rm -rf "$one"; done';

/** Through the archive bucket, to and from a file of the caller; restored to a volume that is there, empty and unused. */
function archive(stage: Stage, target: string): Way {
  const file = join(stage.scratch, 'ours.tar.gz');
  return {
    name: 'tar.gz',
    beforeBackup: nothing,
    backup: async (volume) => {
      await stage.hivemind('volume', 'backup', volume, '--output', file, '--overwrite');
    },
    beforeRestore: async () => {
      const args = `run --rm --network none -v ${target}:/data --volume-driver hivemind busybox`.split(' ');
      await stage.host('docker', ...args, 'sh', '-ec', clear, 'sh', '/data');
    },
    restore: async () => {
      await stage.hivemind('volume', 'restore', target, '--input', file, '--yes');
    },
    end: nothing,
  };
}

/**
 * By restic to the volume's repository in the archive bucket. With its last backup a repository is removed, so that each
 * backup makes a new one. A restore makes a new volume, which is a part of it.
 */
function restic(stage: Stage, target: string): Way {
  const volume = `${target}-restic`;
  let [made, restored]: [string?, string?] = [];
  const removeBackup = async (): Promise<void> => {
    if (made !== undefined) await stage.hivemind('backup', 'delete', made, '--yes', '--wait');
    made = undefined;
  };
  const removeVolume = async (): Promise<void> => {
    if (restored !== undefined) await stage.remove(restored);
    restored = undefined;
  };
  return {
    name: 'restic',
    beforeBackup: removeBackup,
    backup: async (name) => {
      made = (await resticBackup(stage, name)).id;
    },
    beforeRestore: removeVolume,
    restore: async () => {
      restored = volume;
      await stage.hivemind('volume', 'restore', volume, '--backup', made ?? '', '--wait');
    },
    end: async () => {
      await removeVolume();
      await removeBackup();
    },
  };
}

export async function resticBackup(stage: Stage, volume: string): Promise<Backup> {
  const text = await stage.hivemind('volume', 'backup', volume, '--engine', 'restic', '--wait', '--json');
  return JSON.parse(text) as Backup;
}

/** Every way that there is: each is measured beside what others would use. @param target a volume for what is restored */
export function waysOn(stage: Stage, target: string): readonly Way[] {
  return [archive(stage, target), restic(stage, target)];
}
