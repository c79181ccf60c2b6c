import { ProductError, type ProblemIssue } from './errors.ts';
import { allowedMountOptions, splitMountOptions } from './mount-options.ts';
import type { CreateVolume, Driver, FilesystemType } from './volume.ts';

/** Contract 9: where a host path may lie. The agent checks the real directory; this is the lexical part. */
export const defaultHostRoots = ['/data', '/mnt', '/srv', '/var/lib/hivemind'] as const;

/** Options that each driver takes. */
const known: Readonly<Record<Driver, readonly string[]>> = {
  ebs: ['mountOptions'],
  efs: ['mountOptions'],
  bind: ['path'],
  tmpfs: ['mountOptions'],
};

/** What a create says that is checked together with its driver. */
type Asked = Pick<CreateVolume, 'options' | 'type'>;

/**
 * Checks the options of a create for its driver.
 * @throws ProductError NotSupported for what a later release has, InvalidInput with the wrong option otherwise.
 */
export function checkOptions({ options, type }: Asked, driver: Driver, filesystem?: FilesystemType): void {
  if (driver === 'efs') refuseForeignServer(options);
  const unknown = Object.keys(options).find((name) => !known[driver].includes(name));
  if (unknown !== undefined) {
    throw wrongOption(unknown, options[unknown], {
      message: `not an option of ${type} volumes`,
      allowed: known[driver].join(', '),
    });
  }
  if (driver === 'bind') checkPath(options['path']);
  else checkMountOptions(options['mountOptions'], driver === 'ebs' ? (filesystem ?? 'ext4') : driver);
}

function refuseForeignServer(options: Readonly<Record<string, string>>): void {
  const foreign = ['server', 'path'].find((name) => Object.hasOwn(options, name));
  if (foreign === undefined) return;
  throw new ProductError(
    'NotSupported',
    `Network volumes on a server of your own (option "${foreign}") are not supported by this release.`,
    {
      value: options[foreign],
      allowed: 'network volumes of driver efs: leave out "server" and "path"',
      hint: 'Create the volume with type network and no server: it is kept on the file system of this deployment.',
    },
  );
}

function checkPath(path: string | undefined): void {
  const allowed = `a path below ${defaultHostRoots.join(', ')}`;
  const refuse = (message: string): ProductError =>
    wrongOption('path', path, { message, allowed, hint: 'For example: options path=/data/my-volume' });
  if (path === undefined) throw refuse('required for hostpath volumes');
  if (!path.startsWith('/')) throw refuse('not an absolute path');
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(path)) throw refuse('has control characters');
  const parts = path.split('/').slice(1);
  const dotted = parts.some((part) => part === '' || part === '.' || part === '..');
  if (dotted) throw refuse('has empty, "." or ".." parts'); // guard: path-dots
  const inside = defaultHostRoots.some((root) => path.startsWith(`${root}/`));
  if (!inside) throw refuse('outside the allowed roots'); // guard: path-roots
}

function checkMountOptions(text: string | undefined, kind: keyof typeof allowedMountOptions): void {
  const allowed: readonly string[] = allowedMountOptions[kind];
  const refused = splitMountOptions(text).find((option) => !allowed.includes(option));
  if (refused === undefined) return;
  throw wrongOption('mountOptions', refused, {
    message: 'not a mount option that a volume may ask for',
    allowed: allowed.join(', '),
  });
}

interface Wrong {
  readonly message: string;
  readonly allowed: string;
  readonly hint?: string;
}

function wrongOption(name: string, value: unknown, { message, allowed, hint }: Wrong): ProductError {
  return wrongField(`options.${name}`, value, { message, allowed, ...(hint === undefined ? {} : { hint }) });
}

/** InvalidInput about one field of a create. */
export function wrongField(path: string, value: unknown, { message, allowed, hint }: Wrong): ProductError {
  const issue: ProblemIssue = { path, message, allowed, ...(value === undefined ? {} : { value }) };
  return new ProductError('InvalidInput', `"${path}" in the body is not valid: ${message}.`, {
    ...(value === undefined ? {} : { value }),
    allowed,
    ...(hint === undefined ? {} : { hint }),
    issues: [issue],
  });
}
