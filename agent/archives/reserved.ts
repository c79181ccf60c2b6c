/** Where an archive is unpacked before it is known to be whole, in the root of the target: on its filesystem, seen by nobody. */
export const stagingName = '.hivemind-unpack';

/** Names in a volume's root that are not the user's: never packed, never unpacked, and no content where emptiness counts. */
export const reservedNames: readonly string[] = ['lost+found', stagingName];

/** Whether a path of an archive (its parts, `.` left out) is one of those or lies in it. */
export function isReserved(parts: readonly string[]): boolean {
  return parts[0] !== undefined && reservedNames.includes(parts[0]);
}
