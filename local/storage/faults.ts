import * as z from 'zod';

export const faultSchema = z
  .object({
    id: z.string().min(1),
    /** Which calls it strikes; all that are given must fit. */
    service: z.enum(['ec2', 'efs', 'backup']).optional(),
    action: z.string().optional(),
    appId: z.string().optional(),
    /** A volume's, instance's, … id that the call names. */
    resourceId: z.string().optional(),
    kind: z.enum([
      'throttle',
      'internal-error',
      'error',
      'reset-before',
      'reset-after-commit',
      'latency',
      'stale-reads',
      'slow-transition',
      'stuck-attach',
      'drop-volume',
      'volume-error',
      'snapshot-error',
    ]),
    /** How many matching calls to spare first. */
    after: z.number().int().min(0).default(0),
    /** How many calls to strike; without it all. */
    times: z.number().int().min(1).optional(),
    probability: z.number().min(0).max(1).default(1),
    seed: z.number().int().default(1),
    /** latency: the delay. stale-reads: the age of what is read. slow-transition: what is added. */
    ms: z.number().int().min(0).default(1000),
    /** kind `error`: what is answered. */
    code: z.string().default('InsufficientVolumeCapacity'),
    status: z.number().int().min(400).max(599).default(500),
  })
  .strict();

export type Fault = z.infer<typeof faultSchema>;
export type FaultKind = Fault['kind'];

/** What a fault is matched against. */
export interface FaultSubject {
  readonly service: string;
  readonly action: string;
  readonly appId: string | undefined;
  readonly ids: readonly string[];
}

interface Armed {
  readonly fault: Fault;
  readonly random: () => number;
  seen: number;
  injected: number;
}

/** The switched-on faults, and how often each one struck. */
export class Faults {
  #armed: Armed[] = [];

  set(faults: readonly Fault[]): void {
    this.#armed = faults.map((fault) => ({ fault, random: randomOf(fault.seed), seen: 0, injected: 0 }));
  }

  /** The faults with counts of the calls that matched and of those struck. */
  list(): readonly (Fault & { readonly seen: number; readonly injected: number })[] {
    return this.#armed.map(({ fault, seen, injected }) => ({ ...fault, seen, injected }));
  }

  /**
   * The faults that strike this call; each is counted. A call that one of them keeps from being carried out uses up no
   * fault of its effect, so that the counts say what happened.
   */
  strike(subject: FaultSubject): readonly Fault[] {
    const struck: Fault[] = [];
    for (const armed of this.#armed.toSorted((a, b) => rankOf(a) - rankOf(b))) {
      if (!strikes(armed, subject)) continue;
      struck.push(armed.fault);
      if (refusals.has(armed.fault.kind)) break;
    }
    return struck;
  }
}

/** Kinds with which nothing is done. */
const refusals: ReadonlySet<FaultKind> = new Set(['throttle', 'internal-error', 'error', 'reset-before']);

/** A refused call may be late as well. */
function rankOf({ fault: { kind } }: Armed): number {
  if (kind === 'latency') return 0;
  return refusals.has(kind) ? 1 : 2;
}

function strikes(armed: Armed, subject: FaultSubject): boolean {
  const { fault } = armed;
  if (fault.service !== undefined && fault.service !== subject.service) return false;
  if (fault.action !== undefined && fault.action !== subject.action) return false;
  if (fault.appId !== undefined && fault.appId !== subject.appId) return false;
  if (fault.resourceId !== undefined && !subject.ids.includes(fault.resourceId)) return false;
  if (!appliesTo(fault.kind, subject.action)) return false;
  armed.seen += 1;
  if (armed.seen <= fault.after) return false;
  if (fault.times !== undefined && armed.injected >= fault.times) return false;
  if (armed.random() >= fault.probability) return false;
  armed.injected += 1;
  return true;
}

/** Kinds that mean something for some calls only are not used up by others. */
function appliesTo(kind: FaultKind, action: string): boolean {
  switch (kind) {
    case 'stuck-attach':
      return action === 'AttachVolume';
    case 'drop-volume':
    case 'volume-error':
      return action === 'CreateVolume';
    case 'snapshot-error':
      return action === 'CreateSnapshot' || action === 'CopySnapshot';
    case 'stale-reads':
      return /^(Describe|List|Get)/.test(action);
    case 'slow-transition':
      return !/^(Describe|List|Get)/.test(action);
    default:
      return true;
  }
}

/** mulberry32: the same seed gives the same faults. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
