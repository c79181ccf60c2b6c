import type { Volume } from '#shared/model/volume.ts';
import type { TestHost } from './host.ts';

/** A volume that a test puts under faults, and the hosts that get it. */
export interface Subject {
  readonly name: string;
  readonly type: 'local' | 'network';
  readonly host: TestHost;
  /** Of a hand-over: the host that takes it. */
  readonly next: TestHost;
  /** As it was before the operation. */
  volume: Volume | undefined;
}

/** Every volume and tombstone, as one look at the API shows them. */
export interface Seen {
  readonly live: ReadonlyMap<string, Volume>;
  readonly deleted: ReadonlyMap<string, Volume>;
}

export const namespace = 'default';

/** It is there and nothing is under way. */
export const rests = (volume: Volume | undefined): boolean =>
  volume?.state === 'available' && volume.operation === undefined;

export function isIdleOn(volume: Volume | undefined, { instanceId }: TestHost): boolean {
  const idle = volume?.attachments?.every(({ inUse }) => !inUse) ?? true;
  return (
    volume?.state === 'attached' && volume.operation === undefined && volume.hosts[0] === instanceId && idle
  );
}
