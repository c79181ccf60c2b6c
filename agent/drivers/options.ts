import { ProductError } from '#shared/model/errors.ts';

/** Contract 9: every mount gets these; nothing a user says takes them away. */
export const baseOptions = ['nosuid', 'nodev'] as const;

/** Mount options a volume may ask for with its option `mountOptions`, by filesystem. Allow-list: contract 9. */
const allowed = {
  common: ['noatime', 'relatime', 'nodiratime', 'strictatime', 'lazytime', 'noexec', 'sync', 'dirsync'],
  ext4: ['discard', 'nodiscard', 'data=ordered', 'data=journal', 'barrier=1'],
  xfs: ['discard', 'nodiscard', 'largeio', 'inode64'],
  efs: [],
  tmpfs: [],
} as const;

/**
 * The options of a mount.
 * @throws ProductError InvalidInput naming the one that is not on the list.
 */
export function mountOptions(
  kind: Exclude<keyof typeof allowed, 'common'>,
  options: Readonly<Record<string, string>>,
): string[] {
  const asked = (options['mountOptions'] ?? '')
    .split(',')
    .map((option) => option.trim())
    .filter((option) => option !== '');
  const list: readonly string[] = [...allowed.common, ...allowed[kind]];
  const refused = asked.find((option) => !list.includes(option));
  if (refused !== undefined) throw refuse(refused, list); // guard: mount-options
  return [...baseOptions, ...asked];
}

function refuse(option: string, list: readonly string[]): ProductError {
  return new ProductError('InvalidInput', `"${option}" is not a mount option that a volume may ask for.`, {
    value: option,
    allowed: list.join(', '),
  });
}
