import { createHash } from 'node:crypto';
import { backupCrashPoints } from '#shared/model/crash-points-backups.ts';
import { hostedCrashPoints } from '#shared/model/crash-points-hosted.ts';
import type { Effect } from '#shared/model/crash-points.ts';
import { namespace } from './subject.ts';

/** The tables of operations on backups. */
const tables = { ...backupCrashPoints, ...hostedCrashPoints } as const;
export type KilledKind = keyof typeof tables;
export const kinds = Object.keys(tables) as KilledKind[];

/** Drills of files have a namespace to themselves: each host of it that is there is asked. */
export const namespaceOf = (kind: KilledKind): string =>
  kind === 'archiveDrill' ? 'kill-drills' : namespace;
type Side = 'before' | 'after';

/** One kill: of the function that has the effect, before or after it, in an operation of its own. */
export interface BackupKill {
  readonly kind: KilledKind;
  readonly effect: Effect;
  readonly side: Side;
  /** The step that the effect belongs to, or follows. */
  readonly step: string;
  /** How many effects of the same name come before it. */
  readonly nth: number;
  /** How many of these the same function has. */
  readonly ownNth: number;
  /** Idempotency key of the request, from which the operation's id is made; the name of what it makes. */
  readonly key: string;
  readonly operation: string;
}

export const says = ({ kind, effect: { by, what }, side, step }: BackupKill): string =>
  `${kind}: ${by} killed ${side} ${what}${what === 'say' ? ` of ${step}` : ''}`;

/** Whose call an operation is made by: functions/volumes/intent.ts derives its id from that. */
interface Caller {
  readonly userId: string;
  readonly nameOf: (kind: KilledKind) => string;
}

function operationOf(kind: KilledKind, { userId }: Caller, key: string): string {
  const name = JSON.stringify([namespaceOf(kind), userId, key]);
  return `op-${createHash('sha256').update(name).digest('hex')}`;
}

/**
 * Whether a side is killed in every run. Between two effects of one function nothing is written: killed after the first, and
 * killed before the second, leave the same world behind. Those come with {@link everything}.
 */
function isOrdinary(side: Side, effect: Effect, previous: Effect | undefined): boolean {
  return side === 'after' || previous?.by !== effect.by;
}

/** `npm run test:kills`: both sides of each effect, and the operations that take too long for every run. */
export const everything = process.env['KILLS'] === 'all';

/**
 * Whether a kill can be aimed at one operation. A removal takes no key, so nobody knows what its execution will be called; and a
 * worker chooses the host that looks for a restored directory, of which a wake-up names nothing else.
 */
function isAimable(kind: KilledKind, { by, service }: Effect): boolean {
  if (service === 'states') return !kind.startsWith('delete');
  return service !== 'sqs' || by !== 'efs-worker';
}

/** The kills of an operation, in the order of its effects. */
export function killsOf(kind: KilledKind, caller: Caller): BackupKill[] {
  const effects: readonly Effect[] = tables[kind];
  let step = '';
  return effects.flatMap((effect, at) => {
    const { what } = effect;
    if (what.startsWith('claim ')) step = what.slice('claim '.length);
    const before = effects.slice(0, at).filter((other) => other.what === what);
    const [nth, ownNth] = [before.length, before.filter(({ by }) => by === effect.by).length];
    const sides = (['before', 'after'] as const).filter(
      (side) => isAimable(kind, effect) && (everything || isOrdinary(side, effect, effects[at - 1])),
    );
    return sides.map((side) => {
      const key = caller.nameOf(kind);
      return { kind, effect, side, step, nth, ownNth, key, operation: operationOf(kind, caller, key) };
    });
  });
}
