/** Mount options that a volume may ask for with its option `mountOptions`, by what is mounted. Allow-list: contract 9. */
const common = ['noatime', 'relatime', 'nodiratime', 'strictatime', 'lazytime', 'noexec', 'sync', 'dirsync'];

export const allowedMountOptions = {
  ext4: [...common, 'discard', 'nodiscard', 'data=ordered', 'data=journal', 'barrier=1'],
  xfs: [...common, 'discard', 'nodiscard', 'largeio', 'inode64'],
  efs: common,
  tmpfs: common,
} as const satisfies Record<string, readonly string[]>;

/** "noatime, discard" to its parts. */
export function splitMountOptions(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((option) => option.trim())
    .filter((option) => option !== '');
}
