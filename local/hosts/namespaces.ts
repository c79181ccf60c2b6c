import { readFileSync } from 'node:fs';
import type { HostCgroup } from './cgroup.ts';
import type { HostPaths } from './cloud.ts';
import { HostError } from './errors.ts';
import { attempt, launch } from './exec.ts';
import type { Outcome, RunOptions } from './exec.ts';
import { isAlive, onlyChild } from './processes.ts';
import type { ProcessRef } from './processes.ts';
import type { Subnet } from './subnets.ts';

/** Writes its own pid to each file before `--`, then becomes the command behind it: how one enters a cgroup. */
const JOIN = 'while [ "$1" != -- ]; do echo $$ >"$1"; shift; done; shift; exec "$@"';

/** The view of a host. Arguments: its folder, its name, /sbin behind its links, the gateway, own address, home. */
const SETUP = `
dir=$1 name=$2 sbin=$3 gateway=$4 address=$5
mount -t tmpfs -o mode=755 hivemind-run /run
mkdir -p /run/lock /run/docker/plugins /run/hivemind /run/udev/data
mount --bind "$dir/by-id" /dev/disk/by-id
mount --bind "$dir/udev" /run/udev/data
mount --bind "$dir/vol" /var/lib/hivemind
mount --bind "$dir/boot_id" /proc/sys/kernel/random/boot_id
if [ -e "$dir/sbin/mount.efs" ]; then
  mkdir /run/hivemind-sbin
  cp "$dir/sbin/mount.efs" /run/hivemind-sbin/mount.efs
  chmod 755 /run/hivemind-sbin/mount.efs
  mount -t overlay -o lowerdir=/run/hivemind-sbin:"$sbin" overlay "$sbin"
fi
mount --make-rshared / # last, or mounts show twice
hostname "$name"
ip link set lo up
ip address add 169.254.169.254/32 dev lo
# IMDS answers with a TTL of 1, as an instance with hop limit 1 gets it
ip route change local 169.254.169.254 dev lo table local proto kernel scope host src 169.254.169.254 hoplimit 1
ip address add "$address/30" dev eth0
ip link set eth0 up
`;

/** A running host, as far as entering it goes. */
export interface Inside {
  readonly init: ProcessRef;
  readonly cgroup: HostCgroup;
}

/** Starts the host's first process in namespaces of its own. What it inherited is still in view: see {@link setUp}. */
export async function startInit(cgroup: HostCgroup, log: string): Promise<ProcessRef> {
  const unshare = ['unshare', '--mount', '--net', '--uts', '--ipc', '--pid', '--fork', '--mount-proc'];
  const init = ['--propagation', 'private', 'tini', '-s', '--', 'sleep', 'infinity'];
  const parent = await launch(
    ['sh', '-ec', JOIN, 'sh', ...cgroup.joinFiles(), '--', ...unshare, ...init],
    log,
  );
  return onlyChild(parent, 'the first process of the host');
}

/** The command line that runs a command inside a host, in its cgroup and all of its namespaces. */
export function insideArgv({ init, cgroup }: Inside, command: readonly string[]): string[] {
  if (!isAlive(init))
    throw new HostError('HostNotRunning', 'The host does not run; "host start NAME" starts it.');
  const enter = ['nsenter', '-t', String(init.pid), '-m', '-n', '-u', '-i', '-p', '--'];
  return ['sh', '-ec', JOIN, 'sh', ...cgroup.joinFiles(), '--', ...enter, ...command];
}

/** Runs a tool inside a host; see {@link attempt}. */
export function attemptInside(
  inside: Inside,
  argv: readonly string[],
  options?: RunOptions,
): Promise<Outcome> {
  const [file = '', ...args] = insideArgv(inside, argv);
  return attempt(file, args, options);
}

/** Runs a tool inside a host; anything but success throws `CommandFailed` with what it said. Gives stdout. */
export async function runInside(
  inside: Inside,
  argv: readonly string[],
  options?: RunOptions,
): Promise<string> {
  const { exitCode, stdout, stderr } = await attemptInside(inside, argv, options);
  if (exitCode === 0) return stdout;
  const said = `${stderr}${stdout}`.trim().slice(-2000);
  throw new HostError('CommandFailed', `${argv.join(' ')} (inside) ended with ${exitCode}: ${said}`);
}

/** One line of /proc/PID/mountinfo. */
export interface MountEntry {
  readonly path: string;
  readonly type: string;
  readonly source: string;
}

const unescape = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

/** The mounts that a process sees, in the order in which they were made. */
export function mountsOf(pid: number | 'self'): MountEntry[] {
  return readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [front = '', back = ''] = line.split(' - ');
      const [type = '', source = ''] = back.split(' ');
      return { path: unescape(front.split(' ')[4] ?? ''), type, source: unescape(source) };
    });
}

/**
 * The mounts that a new host must let go: copies of what the machine's own agent, other clouds and the storage service
 * have mounted. A copy keeps the device busy long after its owner unmounted it. `keep` are paths whose own mounts (and
 * those above them) stay: a machine may well run from a loop device.
 */
export function inheritedMounts(mounts: readonly MountEntry[], keep: readonly string[]): string[] {
  const needed = (path: string): boolean =>
    path === '/' || keep.some((kept) => kept === path || kept.startsWith(`${path}/`));
  return mounts
    .filter(({ path, source, type }) => {
      const foreign = path.startsWith('/var/lib/hivemind/') || path === '/var/lib/hivemind';
      const device = /^\/dev\/loop\d+/.test(source) && type !== 'squashfs';
      return (foreign || device) && !needed(path);
    })
    .map(({ path }) => path)
    .reverse();
}

/** What {@link setUp} needs besides the host itself. */
export interface View {
  readonly paths: HostPaths;
  readonly hostname: string;
  readonly net: Subnet;
  /** /sbin with its links resolved: an overlay over a link would cover what the link leads to anyway. */
  readonly sbin: string;
  /** Folders that the host needs as the machine has them. */
  readonly keep: readonly string[];
}

/** Lets go of what the host inherited. A mount may go by itself meanwhile: its owner can remove its folder. */
async function letGo(inside: Inside, keep: readonly string[]): Promise<void> {
  const inherited = (): string[] => inheritedMounts(mountsOf(inside.init.pid), keep);
  for (const path of inherited()) await attemptInside(inside, ['umount', '--lazy', path]);
  const left = inherited();
  if (left.length === 0) return;
  throw new HostError('CommandFailed', `The host cannot let go of what it inherited: ${left.join(', ')}.`);
}

/** Makes the host's own view: lets inherited volumes go, private /run, its devices, boot id, name and addresses. */
export async function setUp(inside: Inside, view: View): Promise<void> {
  const { paths, hostname, net, sbin, keep } = view;
  await letGo(inside, keep);
  await runInside(inside, ['sh', '-ec', SETUP, 'sh', paths.dir, hostname, sbin, net.gateway, net.address]);
}
