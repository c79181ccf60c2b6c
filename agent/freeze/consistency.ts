import { withFrozen, type Frozen, type FreezePorts, type FreezeRequest, type FrozenWork } from './freezer.ts';
import { withHooks, type HookPorts, type HookReport, type Hooks } from './hooks.ts';

/** How a backup is made consistent: neither is consistency `none`. */
export interface ConsistencyPlan {
  readonly hooks?: Hooks;
  readonly freeze?: FreezeRequest;
  /** Around the freeze and the work, not around the hooks: nobody unmounts meanwhile. */
  readonly alone?: <R>(work: () => Promise<R>) => Promise<R>;
}

export interface Consistent<T> extends Omit<Frozen<T>, 'frozenMs'> {
  /** How long writers waited at most, in milliseconds; 0 without a freeze. */
  readonly frozenMs: number;
  readonly hooks: readonly HookReport[];
}

/** Hook before, freeze, work, thaw, hook after: the application has written out before writers have to wait. */
export async function withConsistency<T>(
  ports: FreezePorts & HookPorts,
  { hooks = {}, freeze, alone = (work) => work() }: ConsistencyPlan,
  work: FrozenWork<T>,
): Promise<Consistent<T>> {
  const { result: frozen, hooks: reports } = await withHooks(ports, hooks, async () =>
    alone(async () =>
      freeze === undefined
        ? { result: await work(new AbortController().signal), frozenMs: 0 }
        : withFrozen(ports, freeze, work),
    ),
  );
  return { ...frozen, hooks: reports };
}
