import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { ProductError } from '#shared/model/errors.ts';

/** Where a distribution puts its programs; nothing else of PATH counts for what runs as root. */
export const programFolders = ['/usr/local/bin', '/usr/bin', '/bin'] as const;

export interface FindRestic {
  readonly folders?: readonly string[];
  /** @default /etc/os-release */
  readonly osRelease?: string;
}

/** @throws ProductError NotSupported with the command that installs it */
export async function demandRestic({
  folders = programFolders,
  osRelease = '/etc/os-release',
}: FindRestic = {}): Promise<void> {
  for (const folder of folders) {
    const found = await access(`${folder}/restic`, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return;
  }
  const how = installCommand(await readFile(osRelease, 'utf8').catch(() => ''));
  throw new ProductError('NotSupported', `restic is not installed on this host. Install it: ${how}`, {
    value: 'restic',
    hint: how,
  });
}

const commands: readonly (readonly [RegExp, string])[] = [
  [/\b(debian|ubuntu)\b/, 'apt-get install -y restic'],
  [/\b(fedora|rhel|centos|amzn)\b/, 'dnf install -y restic (on RHEL and its like from EPEL)'],
  [/\bsuse\b/, 'zypper install -y restic'],
  [/\balpine\b/, 'apk add restic'],
  [/\barch\b/, 'pacman -S restic'],
];

/** By what the distribution says of itself. */
function installCommand(osRelease: string): string {
  const ids = osRelease.split('\n').filter((line) => /^ID(_LIKE)?=/.test(line));
  const known = commands.find(([pattern]) => ids.some((line) => pattern.test(line)));
  return known?.[1] ?? 'see https://restic.readthedocs.io/en/stable/020_installation.html';
}
