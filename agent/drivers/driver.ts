import type { Assignment } from '#shared/model/host.ts';
import type { Driver as DriverName } from '#shared/model/volume.ts';

/** Where a volume is staged, and what may be told about it. */
export interface Stage {
  readonly assignment: Assignment;
  /** ROOT/mounts/VOLUMEID: the volume's whole filesystem shows here and nowhere else. */
  readonly path: string;
}

/**
 * One way of providing a volume on this host. Every method may be repeated: already so and already gone are success.
 * Callers run at most one method for a volume at a time.
 */
export interface Driver {
  readonly name: DriverName;
  /**
   * Mounts the volume at the stage's path; the answer is the assignment as it is afterwards (formatted, say).
   * @throws DeviceRefused, PathRefused, CommandFailed, TicketRefused.
   */
  stage(stage: Stage): Promise<Assignment>;
  /** The directory under the staged path that containers see. */
  dataPath(stage: Stage): string;
  /** Unmounts; never lazily. @throws VolumeBusy when something on this host still has it open. */
  unstage(stage: Stage): Promise<void>;
  /** Contract 3: whether nothing on this host, in any namespace, can still write to it. In doubt: false. */
  isFree(stage: Stage): Promise<boolean>;
  /** Another host has it now: no byte may be written through this host any more. `path` shows its filesystem. */
  fence(path: string): Promise<void>;
  /** Which filesystem it is, mounted or not; undefined when that cannot be told while it is not mounted. */
  device(stage: Stage): Promise<string | undefined>;
}

export type Drivers = Readonly<Record<DriverName, Driver>>;
