import type { ItemStore } from '#shared/aws/table/store.ts';
import { keys } from '#shared/aws/table/keys.ts';
import { remove, replace } from '#shared/aws/table/writes.ts';
import { runStep, type RunOutput } from '#functions/policies/run-step.ts';
import { existing } from '#test/unit/workers/support/world.ts';
import { PolicyWorld } from '#test/unit/policies/support/policy-world.ts';
import { definitionOf, type Definition } from './definition.ts';
import { resourcesOf, synthesise } from './synth.ts';

/** The state machine of runs, as it is deployed. */
export function policyRunMachine() {
  return Object.values(resourcesOf(synthesise().controlPlane, 'AWS::StepFunctions::StateMachine')).find(
    ({ Properties }) => Properties['StateMachineName'] === 'hivemind-backup-policy-run',
  );
}

/** Events that Step Functions writes for a state of each type. */
const eventsOf: Readonly<Record<string, number>> = { Task: 5, Choice: 2, Wait: 2, Succeed: 2, Fail: 1 };

interface History {
  readonly events: number;
  /** States entered: what Step Functions bills. */
  readonly transitions: number;
  readonly maxBytes: number;
  readonly ended: string;
}

interface Carrying {
  readonly input: object;
  readonly step: () => Promise<RunOutput>;
  readonly wait: (seconds: number) => Promise<void>;
}

/** Carries the definition out; a step is the real one, and time passes in waits alone. */
async function execute(definition: Definition, { input, step, wait }: Carrying): Promise<History> {
  let [events, transitions, maxBytes, name, data] = [
    2,
    0,
    0,
    definition.StartAt,
    input as Partial<RunOutput>,
  ];
  for (;;) {
    const state = existing(definition.States[name], name);
    events += eventsOf[state.Type] ?? 0;
    transitions++;
    if (state.Type === 'Task') data = await step();
    if (state.Type === 'Wait') await wait(data.waitSeconds ?? 0);
    maxBytes = Math.max(maxBytes, JSON.stringify(data).length);
    if (state.Type === 'Succeed' || state.Type === 'Fail')
      return { events, transitions, maxBytes, ended: name };
    const chosen = state.Choices?.find(({ StringEquals }) => StringEquals === data.outcome)?.Next;
    name = chosen ?? state.Default ?? state.Next ?? '';
  }
}

/** How long each backup takes. */
const backupSeconds = 300;

/** Ends the operations that were begun long enough ago, as the workers do. */
async function finish(world: PolicyWorld, begun: Map<string, number>): Promise<void> {
  const now = world.clock().getTime();
  for (const id of world.started.splice(0)) begun.set(id, now);
  for (const [id, at] of begun) {
    if (now - at < backupSeconds * 1_000) continue;
    begun.delete(id);
    const operation = await world.operation(id);
    const backup = existing(await world.table.readBackup(operation.backup ?? ''), 'backup');
    const backing = existing(await world.table.read('backing', keys.backing(backup.volumeId)), 'backing');
    await world.table.transact([
      replace('operation', operation, { ...operation, status: 'succeeded' }),
      replace('backup', backup, { ...backup, state: 'available', operation: undefined }),
      remove('backing', backing),
    ]);
  }
}

/** A whole run over so many volumes, as the state machine carries it out. */
export async function runOver(volumes: number) {
  let calls = 0;
  /** Counts what functions of the API ask of the table; the workers of each backup are not the run's. */
  const counted = (store: ItemStore): ItemStore =>
    new Proxy(store, {
      get: (target, name: keyof ItemStore) => {
        const method = target[name].bind(target) as (...args: unknown[]) => unknown;
        return (...args: unknown[]): unknown => {
          calls++;
          return method(...args);
        };
      },
    });
  const world = await PolicyWorld.crowded(volumes, { useCaseStore: counted });
  const policy = await world.policy({ retention: { last: 1 } });
  calls = 0;
  const runId = (await world.deliver(policy, '2026-11-24T02:00:00Z')) ?? '';
  const begun = new Map<string, number>();
  let most = 0;
  const step = async (): Promise<RunOutput> => {
    const output = await runStep(world.ports, { runId });
    await finish(world, begun);
    most = Math.max(most, begun.size);
    return output;
  };
  const history = await execute(definitionOf(policyRunMachine()), {
    input: { runId },
    step,
    wait: async (seconds) => {
      world.pass(seconds);
      await finish(world, begun);
    },
  });
  return { ...history, run: await world.runOf(runId), tableCalls: calls, mostAtOnce: most };
}
