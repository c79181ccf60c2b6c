import * as z from 'zod';

export const faultKinds = [
  'throttle',
  'internal-error',
  'reset-before',
  'reset-after-commit',
  'latency',
  'transaction-conflict',
  'kill-before',
  'kill-after',
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** A fault switch. Of several that match one call, the first in the list that fires is injected. */
export const Fault = z.strictObject({
  id: z.string().min(1),
  service: z.string().optional(),
  /** `*` stands for anything, so that routes can be meant: `DELETE *volumes*`. */
  action: z.string().optional(),
  functionName: z.string().optional(),
  /** A text that the call's address or body holds, such as an id or a name; of several, each one. */
  about: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).optional(),
  kind: z.enum(faultKinds),
  /** How many calls it hits; then it is spent. Endless without. */
  times: z.int().min(1).optional(),
  /** How many matching calls it lets pass first. */
  after: z.int().min(0).default(0),
  /** Share of the matching calls that it hits, drawn from `seed`: the same seed hits the same calls. */
  probability: z.number().min(0).max(1).default(1),
  seed: z.int().default(1),
  /** Milliseconds that `latency` adds. */
  ms: z.int().min(0).default(1000),
});
export type Fault = z.infer<typeof Fault>;

export interface FaultStatus extends Fault {
  /** Calls that it was meant for. */
  readonly matched: number;
  /** Calls that it hit. */
  readonly injected: number;
}

/** A call as far as faults look at it. */
export interface Aimed {
  readonly service: string;
  readonly action: string;
  readonly functionName: string | null;
  /** The call's address, and its body where that was read. */
  readonly text?: string | undefined;
}

interface Switch {
  readonly fault: Fault;
  readonly random: () => number;
  matched: number;
  injected: number;
}

/** The fault switches. Whether a call is hit depends on the switches and on how many calls matched before, on nothing else. */
export class Faults {
  #switches: Switch[] = [];

  set(faults: readonly Fault[]): void {
    this.#switches = faults.map(armed);
  }

  /** Further ones, behind those that there are, whose counts go on. */
  add(faults: readonly Fault[]): void {
    this.#switches.push(...faults.map(armed));
  }

  get status(): readonly FaultStatus[] {
    return this.#switches.map(({ fault, matched, injected }) => ({ ...fault, matched, injected }));
  }

  /** Whether a switch looks into bodies, which otherwise stream through unread. */
  get readBodies(): boolean {
    return this.#switches.some(({ fault }) => fault.about !== undefined);
  }

  /** The fault to inject into this call, if any; counts the call. */
  take(call: Aimed): Fault | undefined {
    return this.#switches.find((candidate) => matches(candidate.fault, call) && fires(candidate))?.fault;
  }
}

const armed = (fault: Fault): Switch => ({ fault, random: seeded(fault.seed), matched: 0, injected: 0 });

const matches = (fault: Fault, call: Aimed): boolean =>
  (fault.service ?? call.service) === call.service &&
  actionMatches(fault.action, call.action) &&
  (fault.functionName ?? call.functionName) === call.functionName &&
  [fault.about ?? []].flat().every((part) => call.text?.includes(part) ?? false);

function actionMatches(wanted: string | undefined, action: string): boolean {
  if (wanted === undefined || wanted === action) return true;
  const [start = '', ...parts] = wanted.split('*');
  if (parts.length === 0 || !action.startsWith(start)) return false;
  const end = parts.pop() ?? '';
  let at = start.length;
  for (const part of parts) {
    const found = action.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return action.length - end.length >= at && action.endsWith(end);
}

function fires(candidate: Switch): boolean {
  const { after, times, probability } = candidate.fault;
  const drawn = candidate.random();
  if (++candidate.matched <= after) return false;
  if (candidate.injected >= (times ?? Number.POSITIVE_INFINITY) || drawn >= probability) return false;
  candidate.injected++;
  return true;
}

/** Mulberry32: numbers from 0 to 1 that depend on the seed alone. */
function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
