import { backupSnapshotTag, snapshotHost } from '#shared/model/repository.ts';
import { reservedNames } from '#agent/archives/reserved.ts';

/** What is to be backed up. */
export interface Subject {
  readonly backupId: string;
  /** The volume's name. */
  readonly name: string;
  readonly directory: string;
  /** Under which path it stands in the snapshot. */
  readonly path: string;
}

/** How restic is told to back it up, tagged with the day. */
export function backupArgs({ backupId, name, path }: Subject, now: Date): string[] {
  const tags = [name, now.toISOString().slice(0, 10), backupSnapshotTag(backupId)];
  return [
    'backup',
    '--json',
    '--host',
    snapshotHost,
    ...tags.flatMap((tag) => ['--tag', tag]),
    ...reservedNames.flatMap((reserved) => ['--exclude', `${path}/${reserved}`]),
    '--',
    path,
  ];
}
