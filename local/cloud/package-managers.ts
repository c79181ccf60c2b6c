/** How a package manager that is not apt installs, and what it calls Debian's packages where it does not call them so. */
interface PackageManager {
  readonly tool: string;
  readonly install: string;
  /** Empty: part of another package. */
  readonly names: Readonly<Record<string, string>>;
}

const everywhere = { 'python3-venv': '', mount: 'util-linux' };
const managers: readonly PackageManager[] = [
  {
    tool: 'dnf',
    install: 'dnf install -y',
    names: { ...everywhere, iproute2: 'iproute', 'docker.io': 'moby-engine', 'busybox-static': 'busybox' },
  },
  { tool: 'zypper', install: 'zypper install -y', names: { ...everywhere, 'docker.io': 'docker' } },
  {
    tool: 'pacman',
    install: 'pacman -S --needed',
    names: { ...everywhere, python3: 'python', 'docker.io': 'docker', 'busybox-static': 'busybox' },
  },
  { tool: 'apk', install: 'apk add', names: { ...everywhere, 'docker.io': 'docker' } },
];

/**
 * The command that installs Debian's packages where there is no apt; undefined where there is no package manager that we
 * know.
 */
export function installCommand(
  packages: readonly string[],
  has: (tool: string) => boolean,
): string | undefined {
  const manager = managers.find(({ tool }) => has(tool));
  if (manager === undefined) return undefined;
  const names = packages.map((name) => manager.names[name] ?? name).filter((name) => name !== '');
  return `${manager.install} ${[...new Set(names)].join(' ')}`;
}
