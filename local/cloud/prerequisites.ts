import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { attempt, run } from '#local/hosts/exec.ts';
import { CloudError } from './errors.ts';
import { installCommand } from './package-managers.ts';
import type { Progress } from './progress.ts';
import { isStaticProgram } from './static-elf.ts';

/** A tool the local cloud needs: how to see that it is there, and the Debian package that brings it. */
interface Prerequisite {
  readonly name: string;
  readonly packages: readonly string[];
  /** Packages that newer releases have split off from those: installed where there are any of that name. */
  readonly splitOff?: readonly string[];
  readonly present: () => boolean | Promise<boolean>;
}

const folders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const onPath = (tool: string): boolean => folders.some((folder) => existsSync(`${folder}/${tool}`));
const answers = async (command: string, ...args: string[]): Promise<boolean> =>
  (await attempt(command, args).catch(() => undefined))?.exitCode === 0;
const tool = (name: string, ...packages: string[]): Prerequisite => ({
  name,
  packages,
  present: () => onPath(name),
});

const pythonProbe = 'import sys, venv, ensurepip; sys.exit(0 if sys.version_info >= (3, 10) else 1)';
const python: Prerequisite = {
  name: 'Python 3.10 or later with venv',
  packages: ['python3', 'python3-venv'],
  present: () => answers('python3', '-c', pythonProbe),
};

/** What storage, mounts and file backups need, and what the documents' scripts call. */
export const baseTools: readonly Prerequisite[] = [
  python,
  tool('mkfs.ext4', 'e2fsprogs'),
  tool('mkfs.xfs', 'xfsprogs'),
  tool('losetup', 'mount'),
  tool('lsblk', 'util-linux'),
  tool('ip', 'iproute2'),
  tool('iptables', 'iptables'),
  tool('tini', 'tini'),
  tool('restic', 'restic'),
  tool('jq', 'jq'),
];

/** What tests of archives look at files with, what the documents' scripts call, and shells that complete. */
export const testTools: readonly Prerequisite[] = [
  tool('setfacl', 'acl'),
  tool('setfattr', 'attr'),
  tool('curl', 'curl'),
  tool('zsh', 'zsh'),
  tool('fish', 'fish'),
];

/** What containers need. Any Docker engine will do, Debian's is what gets installed. */
export const dockerTools: readonly Prerequisite[] = [
  tool('dockerd', 'docker.io'),
  tool('containerd', 'docker.io'),
  { ...tool('docker', 'docker.io'), splitOff: ['docker-cli'] },
  // There, it may still not run: Debian's is a Python program, which other packages can break.
  {
    name: 'docker-compose',
    packages: ['docker-compose'],
    present: () => answers('docker-compose', 'version'),
  },
  {
    name: 'a static busybox',
    packages: ['busybox-static'],
    present: () => folders.some((folder) => isStaticProgram(`${folder}/busybox`)),
  },
];

/** What `npm run bench` needs on top. */
export const benchTools: readonly Prerequisite[] = [tool('fio', 'fio'), tool('zstd', 'zstd')];

export interface PrerequisiteOptions {
  readonly tools: readonly Prerequisite[];
  /** Install without asking; so does CI=true. */
  readonly yes?: boolean;
  readonly progress: Progress;
  /** What it does to this machine and its person; tests give their own. */
  readonly system?: PrerequisiteSystem;
}

export interface PrerequisiteSystem {
  /** Whether a package manager is on PATH. */
  has(tool: string): boolean;
  /** Asks a question whose answer is yes unless told otherwise; false where there is nobody to ask. */
  confirmed(question: string): Promise<boolean>;
  /** Installs Debian packages, and those of `splitOff` that there are. */
  install(packages: readonly string[], splitOff: readonly string[]): Promise<void>;
}

/**
 * Sees that everything is there; installs what is missing through apt after one question (none with `yes`), and where
 * there is no apt names what to install.
 * @throws CloudError Prerequisite naming each missing tool and the command that brings it.
 */
export async function ensurePrerequisites({
  tools,
  yes = false,
  progress,
  system = thisSystem,
}: PrerequisiteOptions): Promise<void> {
  if (process.platform !== 'linux')
    throw new CloudError(
      'Prerequisite',
      `The local cloud needs Linux (loop devices, mounts); this is ${process.platform}.`,
    );
  const missing = await missingOf(tools);
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name).join(', ');
  const packages = [...new Set(missing.flatMap((each) => each.packages))];
  const command = `apt-get install -y --no-install-recommends ${packages.join(' ')}`;
  if (!system.has('apt-get')) {
    const other = installCommand(packages, (name) => system.has(name));
    const how =
      other === undefined
        ? `Install what your distribution calls: ${packages.join(' ')}`
        : `Install them with: sudo ${other}`;
    throw new CloudError('Prerequisite', `Missing: ${names}. ${how}`);
  }
  const unasked = yes || process.env['CI'] === 'true';
  if (!unasked && !(await system.confirmed(`Missing: ${names}. Run "${command}" now? [Y/n] `))) {
    throw new CloudError('Prerequisite', `Missing: ${names}. Install them with: sudo ${command}`);
  }
  await progress.step(`install ${packages.join(', ')}`, () =>
    system.install(
      packages,
      missing.flatMap(({ splitOff = [] }) => splitOff),
    ),
  );
  const still = await missingOf(tools);
  if (still.length > 0)
    throw new CloudError(
      'Prerequisite',
      `Still missing after the installation: ${still.map(({ name }) => name).join(', ')}.`,
    );
}

async function missingOf(tools: readonly Prerequisite[]): Promise<Prerequisite[]> {
  const missing: Prerequisite[] = [];
  for (const each of tools) if (!(await each.present())) missing.push(each);
  return missing;
}

async function confirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const asker = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await asker.question(question).finally(() => asker.close());
  return /^(y|yes|)$/i.test(answer.trim());
}

async function install(packages: readonly string[], splitOff: readonly string[]): Promise<void> {
  // Services that packages would start are kept off: hosts bring their own dockerd.
  const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const timeout = 900_000;
  await run('apt-get', ['update', '-qq'], { env, timeout });
  const all = [...packages];
  for (const name of splitOff) if (await answers('apt-cache', 'show', '--quiet=2', name)) all.push(name);
  await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...all], { env, timeout });
}

const thisSystem: PrerequisiteSystem = { has: onPath, confirmed, install };
