import { ProductError } from '#shared/model/errors.ts';
import { allowedMountOptions, splitMountOptions } from '#shared/model/mount-options.ts';

/** Contract 9: every mount gets these; nothing a user says takes them away. */
export const baseOptions = ['nosuid', 'nodev'] as const;

/**
 * The options of a mount. The API has checked them; a host trusts its own list.
 * @throws ProductError InvalidInput naming the one that is not on the list.
 */
export function mountOptions(
  kind: keyof typeof allowedMountOptions,
  options: Readonly<Record<string, string>>,
): string[] {
  const asked = splitMountOptions(options['mountOptions']);
  const allowed: readonly string[] = allowedMountOptions[kind];
  const refused = asked.find((option) => !allowed.includes(option));
  if (refused !== undefined) throw refuse(refused, allowed); // guard: mount-options
  return [...baseOptions, ...asked];
}

function refuse(option: string, allowed: readonly string[]): ProductError {
  return new ProductError('InvalidInput', `"${option}" is not a mount option that a volume may ask for.`, {
    value: option,
    allowed: allowed.join(', '),
  });
}
