import { mapLimit } from '#shared/model/map-limit.ts';
import type { CrashedOperation } from '#shared/model/crash-points.ts';
import type { Kill } from './crash-aim.ts';
import { isIdleOn, rests, type Seen, type Subject } from './subject.ts';
import { atOnce, VolumeWorld } from './volume-world.ts';

/** A kill with the hosts and the volume that it is about. */
export interface Crash extends Kill, Subject {}

export const typeOf = (kind: CrashedOperation): Subject['type'] =>
  kind === 'networkCreate' || kind === 'networkPurge' ? 'network' : 'local';

const begins = ({ kind }: Crash): boolean => kind === 'create' || kind === 'networkCreate';

/** Calls, looks and waits of the crash-point test. */
export class CrashWorld extends VolumeWorld {
  /** Makes what comes before each operation. */
  async prepare(crashes: readonly Crash[]): Promise<void> {
    await this.begin();
    const made = crashes.filter((crash) => !begins(crash));
    await mapLimit(made, atOnce, (crash) => this.create(crash));
    await this.all('the volumes are there', made, (crash, { live }) => rests(live.get(crash.name)));
    const given = made.filter(({ kind }) => kind === 'handOver' || kind === 'detach' || kind === 'purge');
    await mapLimit(given, atOnce, (crash) => this.attach(crash, crash.host));
    // A final backup is made of what was formatted.
    const used = made.filter(({ kind }) => kind === 'delete');
    await mapLimit(used, atOnce, (crash) => this.use(crash, crash.host));
    const attached = [...given, ...used];
    const { live } = await this.all('they are attached and idle', made, (crash, seen) => {
      const volume = seen.live.get(crash.name);
      return attached.includes(crash) ? isIdleOn(volume, crash.host) : rests(volume);
    });
    for (const crash of crashes) crash.volume = live.get(crash.name);
  }

  /** Begins the operation, as a person would. */
  ask(crash: Crash): Promise<void> {
    switch (crash.kind) {
      case 'create':
      case 'networkCreate':
        return this.create(crash);
      case 'attach':
        return this.attach(crash, crash.host);
      case 'handOver':
        return this.attach(crash, crash.next);
      case 'detach':
        return this.detach(crash);
      case 'delete':
        return this.delete(crash, false);
      case 'purge':
      case 'networkPurge':
        return this.delete(crash, true);
    }
  }
}

/** Whether the operation has come to its end. */
export function hasEnded(crash: Crash, { live, deleted }: Seen): boolean {
  const volume = live.get(crash.name);
  const tombstone = deleted.get(crash.volume?.id ?? '');
  switch (crash.kind) {
    case 'create':
    case 'networkCreate':
    case 'detach':
      return rests(volume);
    case 'attach':
      return isIdleOn(volume, crash.host);
    case 'handOver':
      return isIdleOn(volume, crash.next);
    case 'delete':
      return tombstone?.operation === undefined && tombstone?.finalBackup !== undefined;
    case 'purge':
    case 'networkPurge':
      return volume === undefined && tombstone === undefined;
  }
}
