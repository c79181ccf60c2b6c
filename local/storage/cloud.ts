import { randomBytes } from 'node:crypto';
import type { Disk } from './bytes/disk.ts';
import type { Events } from './events.ts';
import type { Fault, FaultKind } from './faults.ts';
import type { Log } from './log.ts';
import type { Settings } from './settings.ts';
import type { Store, View } from './state/store.ts';
import type { Work } from './work.ts';

/** What every part of the service works with. */
export interface Cloud {
  readonly settings: Settings;
  readonly store: Store;
  readonly disk: Disk;
  readonly work: Work;
  readonly events: Events;
  readonly log: Log;
  /** The folder that holds EFS file systems, one directory each. */
  readonly efsDir: string;
  /** The folder that holds recovery points, one directory each. */
  readonly backupDir: string;
}

/** One call on the wire. */
export interface Call {
  readonly region: string;
  readonly account: string;
  readonly principal: string | undefined;
  readonly requestId: string;
  readonly faults: readonly Fault[];
  /** What reads see: the present, or what a stale-reads fault shows. */
  readonly view: View;
}

/** The delay of a transition: the setting, plus what a slow-transition fault adds. */
export function delayOf(cloud: Cloud, call: Call, transition: keyof Settings['latency']): number {
  return cloud.settings.latency[transition] + (faultOf(call, 'slow-transition')?.ms ?? 0);
}

export function faultOf(call: Call, kind: FaultKind): Fault | undefined {
  return call.faults.find((fault) => fault.kind === kind);
}

/** `vol-0123456789abcdef0`: AWS's long id. */
export function newId(prefix: string): string {
  return `${prefix}-${randomBytes(9).toString('hex').slice(0, 17)}`;
}

export const nowIso = (): string => new Date().toISOString();

/** An operation of one service: typed input (validated against the model) to typed output. */
export type Handler<I = never, O = unknown> = (cloud: Cloud, call: Call, input: I) => Promise<O>;
