import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from '#local/cloud/runtime.ts';
import { hostCgroup } from '#local/hosts/cgroup.ts';
import { startDocker } from '#local/hosts/docker.ts';
import type { Outcome } from '#local/hosts/exec.ts';
import { ensureImage } from '#local/hosts/image.ts';
import { attemptInside, inheritedMounts, mountsOf, runInside, startInit } from '#local/hosts/namespaces.ts';
import type { Inside } from '#local/hosts/namespaces.ts';
import { kill } from '#local/hosts/processes.ts';
import { claimSubnet, releaseSubnet } from '#local/hosts/subnets.ts';

/**
 * A machine to type `npm run up` at: namespaces and a cgroup of its own, with a /run, a /var/lib/hivemind, folders on
 * PATH and a network of its own, and a dockerd. What a cloud does to the machine that it runs on stays in here.
 */
export interface OwnMachine {
  /** Folder of the local cloud: what `HIVEMIND_HOME` names. */
  readonly home: string;
  /** Runs a command; anything but success throws with what it said. Gives trimmed stdout. */
  run(...argv: string[]): Promise<string>;
  /** Runs a command to its end, however that is. */
  attempt(...argv: string[]): Promise<Outcome>;
  /** `npm run SCRIPT`, as a person types it at the top of the checkout. */
  npm(script: string, ...args: string[]): Promise<Outcome>;
  docker(...args: string[]): Promise<string>;
  /** A path of this machine as the tests see it. */
  path(inside: string): string;
  /** Mount points, in the order in which they were made. */
  mounts(): string[];
  /** Ends it with all that it runs. */
  close(): Promise<void>;
}

/**
 * Arguments: the machine's folder. Overlays hide what is linked into PATH and /sbin; their upper halves are memory, since
 * not every filesystem can be one.
 */
const VIEW = `
dir=$1
mount -t tmpfs -o mode=755 own-run /run
mkdir -p /run/lock /run/upper /run/hivemind
mount --bind "$dir/by-id" /dev/disk/by-id
mount --bind "$dir/hivemind" /var/lib/hivemind
for path in /usr/local/bin /usr/bin "$(readlink -f /sbin)"; do
  upper=/run/upper/$(echo "$path" | tr / _)
  mkdir -p "$upper/new" "$upper/work"
  mount -t overlay -o "lowerdir=$path,upperdir=$upper/new,workdir=$upper/work" overlay "$path"
done
# Whoever works at this machine may have a cloud of their own on PATH.
rm -f /usr/local/bin/hivemind /usr/bin/hivemind /sbin/mount.efs
mount --make-rshared /
hostname own-machine
ip link set lo up
`;

/** A start deploys the stacks. */
const COMMAND_MS = 400_000;

const mountPoints = ['/dev/disk/by-id', '/var/lib/hivemind'];

/** Makes the machine, and starts its Docker with the image `busybox`. */
export async function openMachine(): Promise<OwnMachine> {
  const dir = mkdtempSync(join('/var/tmp', 'hivemind-machine-'));
  for (const name of ['home', 'by-id', 'hivemind', 'user', 'docker/log', 'image/hosts'])
    mkdirSync(join(dir, name), { recursive: true });
  // Holds the mount points as well: who removes one takes it away in every namespace.
  const { number } = await claimSubnet(dir);
  for (const path of mountPoints) mkdirSync(path, { recursive: true });
  const tag = createHash('sha256').update(dir).digest('hex').slice(0, 8);
  const cgroup = hostCgroup(`hivemind-${tag}-own`);
  cgroup.create();
  const init = await startInit(cgroup, join(dir, 'init.log'));
  const inside = { init, cgroup };
  const remains = { dir, number };
  try {
    for (const path of inheritedMounts(mountsOf(init.pid), [dir]))
      await attemptInside(inside, ['umount', '--lazy', path]);
    await runInside(inside, ['sh', '-ec', VIEW, 'sh', dir]);
    await startDocker(inside, join(dir, 'docker'));
    await ensureImage(inside, join(dir, 'image'));
  } catch (error) {
    await end(inside, remains);
    throw error;
  }
  return machineIn(inside, remains);
}

interface Remains {
  readonly dir: string;
  /** Of the claim. */
  readonly number: number;
}

function machineIn(inside: Inside, remains: Remains): OwnMachine {
  const home = join(remains.dir, 'home');
  // Nothing of the tests' own environment: as from a person's shell.
  const settings = { HOME: join(remains.dir, 'user'), LANG: 'C.UTF-8', PATH: process.env['PATH'] ?? '' };
  const variables = Object.entries({ ...settings, HIVEMIND_HOME: home }).map(
    ([key, value]) => `${key}=${value}`,
  );
  const options = { timeout: COMMAND_MS };
  const person = (argv: readonly string[]): string[] => ['env', '-i', '-C', checkout, ...variables, ...argv];
  const attempt = (...argv: string[]): Promise<Outcome> => attemptInside(inside, person(argv), options);
  const run = async (...argv: string[]): Promise<string> =>
    (await runInside(inside, person(argv), options)).trim();
  return {
    home,
    run,
    attempt,
    npm: (script, ...args) =>
      attempt('npm', '--no-update-notifier', 'run', script, ...(args.length > 0 ? ['--', ...args] : [])),
    docker: (...args) => run('docker', ...args),
    path: (path) => join(`/proc/${inside.init.pid}/root`, path),
    mounts: () => mountsOf(inside.init.pid).map(({ path }) => path),
    close: async () => {
      // What a test that failed has left: devices do not end with the processes that use them.
      await attempt('sh', '-c', 'docker ps --all --quiet | xargs -r docker rm --force');
      await attempt('npm', 'run', 'reset');
      await attempt('sh', '-c', LET_GO, 'sh', home);
      await end(inside, remains);
    },
  };
}

/** A loop device that is still mounted is free when its last mount ends. */
const LET_GO = `losetup --list --noheadings --output NAME,BACK-FILE | grep -F -- "$1/" | while read -r device _; do
  losetup --detach "$device"
done`;

async function end({ init, cgroup }: Inside, { dir, number }: Remains): Promise<void> {
  await cgroup.killAll();
  await kill(init);
  await cgroup.remove();
  await releaseSubnet(dir, number, () => {
    for (const path of [...mountPoints, '/dev/disk']) removeIfEmpty(path);
  });
  rmSync(dir, { recursive: true, force: true });
}

function removeIfEmpty(dir: string): void {
  try {
    if (existsSync(dir)) rmdirSync(dir);
  } catch {
    // In use by somebody else.
  }
}
