import type { BackupHooks, Consistency, VolumeBackups } from './consistency.ts';
import { ProductError } from './errors.ts';
import type { VolumeItem } from './items.ts';
import { isSingleWriter } from './rules-use.ts';

/** How a backup is to be cut, as somebody asked for it. */
export interface AskedConsistency {
  readonly consistency?: Consistency | undefined;
  readonly hooks?: BackupHooks | undefined;
  /** A policy's word is for those of its volumes that can. */
  readonly origin?: 'policy' | undefined;
}

/** How it will be cut. */
export interface ChosenConsistency {
  readonly consistency: Consistency;
  readonly hooks?: BackupHooks;
}

/**
 * What is asked for goes before what the volume has; what one host writes to is frozen where nobody says anything.
 * @throws ProductError NotSupported where many hosts may write at once; InvalidInput for hooks that nobody would run, or
 *   none to run.
 */
export function chooseConsistency(volume: VolumeItem, asked: AskedConsistency): ChosenConsistency {
  refuseUnusedHooks(asked);
  if (!isSingleWriter(volume.driver)) return chooseShared(volume, asked);
  const own = volume.backups ?? {};
  const hooks = asked.hooks ?? own.hooks;
  const consistency = kindOf(asked) ?? kindOf(own) ?? 'freeze';
  if (consistency !== 'hooks') return { consistency };
  if (hooks !== undefined) return { consistency, hooks };
  if (asked.origin === 'policy') return { consistency: 'freeze' };
  throw new ProductError('InvalidInput', `"${volume.name}" has no hooks, and none are given.`, {
    value: consistency,
    allowed: 'commands in "hooks": before, after or both',
    hint: 'Give --pre-hook or --post-hook, or store them: hivemind volume update NAME --pre-hook COMMAND.',
  });
}

function kindOf({ consistency, hooks }: VolumeBackups | AskedConsistency): Consistency | undefined {
  return consistency ?? (hooks === undefined ? undefined : 'hooks');
}

function chooseShared({ name, type }: VolumeItem, asked: AskedConsistency): ChosenConsistency {
  const kind = kindOf(asked);
  if (kind === undefined || kind === 'none' || asked.origin === 'policy') return { consistency: 'none' };
  throw new ProductError('NotSupported', `"${name}" is ${type}: many hosts may write to it at once.`, {
    value: kind,
    allowed: 'none',
    hint: 'Stop what writes to it for the time of the backup, if it must be of one moment.',
  });
}

/**
 * Files are read one after the other, which takes longer than anything may be frozen. What the volume has is for its snapshots.
 * @throws ProductError NotSupported
 */
export function chooseForFiles(asked: AskedConsistency): ChosenConsistency {
  const kind = kindOf(asked);
  if (kind === undefined || kind === 'none' || asked.origin === 'policy') return { consistency: 'none' };
  throw new ProductError('NotSupported', 'restic reads the files while they are written to.', {
    value: kind,
    allowed: 'none',
    hint: 'Stop what writes to it for the time of the backup, if it must be of one moment.',
  });
}

/**
 * What a volume has is for the snapshots of what one host writes to. Elsewhere it would say what never happens.
 * @throws ProductError NotSupported
 */
export function refuseUnusedCut({ name, type, driver }: VolumeItem, backups: VolumeBackups): void {
  const kind = kindOf(backups);
  if (kind === undefined || kind === 'none' || isSingleWriter(driver)) return;
  throw new ProductError(
    'NotSupported',
    `"${name}" is ${type}: nothing is frozen for its backups, and no command runs around them.`,
    {
      value: kind,
      allowed: 'none; freeze and hooks for local volumes',
      hint: 'Stop what writes to it for the time of the backup, if it must be of one moment.',
    },
  );
}

/** Commands that would never run are a mistake. @throws ProductError InvalidInput */
export function refuseUnusedHooks({ consistency, hooks }: VolumeBackups | AskedConsistency): void {
  if (hooks === undefined || consistency === undefined || consistency === 'hooks') return;
  throw new ProductError('InvalidInput', `Hooks are given, and consistency ${consistency} runs none.`, {
    value: consistency,
    allowed: 'hooks',
    hint: 'Leave the consistency out, or the hooks.',
  });
}
