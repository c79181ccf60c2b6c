/** AWS Backup's restores to an EFS file system: each makes a directory at its root. Source: AWS Backup developer guide, restoring EFS. */
export const restorePrefix = 'aws-backup-restore_';

/** What follows the prefix: UTC with milliseconds, or (since 2025) nanoseconds: 2025-03-28T14-13-02-250589632Z. */
const named = /^aws-backup-restore_(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)-(\d{3,9})Z$/;

/** When AWS began the directory of this name, in milliseconds since 1970; undefined for another's. */
export function restoreTime(name: string): number | undefined {
  const [, day, hour, minute, second, fraction = ''] = named.exec(name) ?? [];
  if (day === undefined) return undefined;
  const time = Date.parse(`${day}T${hour}:${minute}:${second}.${fraction.slice(0, 3)}Z`);
  return Number.isNaN(time) ? undefined : time;
}

/** Where the path of a backup is after a restore into the directory of this name. */
export function restoredAt(name: string, path: string): string {
  return `/${name}${path}`;
}
