/** AWS Backup's restores to an EFS file system: each makes a directory at its root. Source: AWS Backup developer guide, restoring EFS. */
export const restorePrefix = 'aws-backup-restore_';

/** What follows the prefix: UTC with milliseconds, or (since 2025) nanoseconds: 2025-03-28T14-13-02-250589632Z. */
const named = /^aws-backup-restore_(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)-(\d{3,9})Z$/;

/** The longest directory that an access point can be rooted at. Source: EFS CreateAccessPoint, RootDirectory.Path. */
const longestRoot = 100;
/** What a restore puts before a path, at its longest. */
const longestName = `${restorePrefix}2025-03-28T14-13-02-250589632Z`;

/** Whether an access point could be rooted at the path once it is restored. */
export function isRestorable(path: string): boolean {
  return restoredAt(longestName, path).length <= longestRoot;
}

/** A time as AWS puts it into the name of a directory, to the second: `2025-03-28T14-13-02`. */
export function restoreStamp(time: Date): string {
  return time.toISOString().slice(0, 19).replaceAll(':', '-');
}

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
