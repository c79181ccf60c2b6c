import { statfsSync } from 'node:fs';
import { cgroupV1 } from './cgroup-v1.ts';
import { cgroupV2 } from './cgroup-v2.ts';

/** Everything a host's processes and containers run in; under v1 a folder per controller, under v2 one folder. */
export interface HostCgroup {
  /** What dockerd gets as `--cgroup-parent`. */
  readonly dockerParent: string;
  /** Makes it, if it is not there. */
  create(): void;
  /** The files that a process writes its pid to in order to join. */
  joinFiles(): string[];
  /** Stops every process where it is; nothing is lost, nothing runs. Resolves when the kernel says so. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  isFrozen(): boolean;
  /** SIGKILL for every process in it, frozen ones too. Resolves when none is left. */
  killAll(): Promise<void>;
  /** Pids of every process in it and below. */
  processes(): number[];
  /** Removes it and what Docker made below it; no process may be left. Missing is fine. */
  remove(): Promise<void>;
}

const CGROUP2_SUPER_MAGIC = 0x63677270;

/** Whether this machine has one unified hierarchy (a fresh Debian or Ubuntu) or one per controller. */
export function cgroupVersion(root = '/sys/fs/cgroup'): 1 | 2 {
  return statfsSync(root).type === CGROUP2_SUPER_MAGIC ? 2 : 1;
}

/** The cgroup of a host, by its name (unique on the machine), for the version that runs here. */
export function hostCgroup(name: string): HostCgroup {
  return cgroupVersion() === 2 ? cgroupV2(name) : cgroupV1(name);
}
