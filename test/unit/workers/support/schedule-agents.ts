import { put } from '#shared/aws/table/writes.ts';
import type { ErrorCode } from '#shared/model/errors.ts';
import { isProductError } from '#shared/model/errors.ts';
import type { TaskItem } from '#shared/model/items.ts';
import type { TaskResult } from '#shared/model/task.ts';
import { cutVolume, reportTask, type TaskPorts } from '#functions/hosts/host-tasks.ts';
import { Killed } from '#test/fakes/killed.ts';
import { passed } from '#test/unit/backups/support/drills.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

/** What a schedule and its agents share. */
export interface ScheduleParts {
  readonly world: World;
  readonly random: Random;
  readonly note: (line: string) => void;
  /** Counts a fault that is injected. */
  readonly count: (fault: string) => void;
  readonly isChaos: () => boolean;
  readonly stopped: ReadonlySet<string>;
  /** By volume: the device in use, and where. */
  readonly uses: ReadonlyMap<string, { readonly ebsId: string; readonly host: string }>;
}

/** As the agent's own; its watchdog thaws then, whoever is dead. */
const freezeMs = 10_000;
const roleId = 'AROAHIVEMINDHOSTS1234';

type Told = Pick<NonNullable<TaskResult['error']>, 'code' | 'detail'> & { readonly code: ErrorCode };
const failed = (error: Told): TaskResult => ({ outcome: 'failed', error });

/**
 * What hosts do of what operations ask of them, as agent/tasks does it: each task once by one agent, its result reported until
 * it is not listed any more. Agents die, also while a filesystem is frozen; calls are lost, and last longer than the freeze.
 */
export class ScheduledAgents {
  readonly #parts: ScheduleParts;
  readonly #ports: TaskPorts;
  /** By host, task and its deadline: what this agent remembers. */
  readonly #results = new Map<string, TaskResult>();
  readonly #frozen = new Set<string>();
  readonly #proven = new Set<string>();
  /** Cuts that ended in each way. */
  readonly cuts = { held: 0, lost: 0 };

  constructor(parts: ScheduleParts, table: TaskPorts['table']) {
    this.#parts = parts;
    const { world } = parts;
    this.#ports = {
      ...world.api,
      table,
      snapshots: world.storage,
      queues: { ensure: () => Promise.resolve('') },
      newUuid: () => crypto.randomUUID(),
      hostSettings: { roleId, pollSeconds: 20 },
    };
  }

  /** Devices whose filesystem is frozen now. */
  get frozen(): readonly string[] {
    return [...this.#frozen];
  }

  /** Whether the snapshot was made while its filesystem was frozen from before the call until after it. */
  isProven(snapshotId: string): boolean {
    return this.#proven.has(snapshotId);
  }

  /** A sync of each host that runs; not all of them come to it in time. */
  async act(hosts: readonly string[]): Promise<void> {
    const { world, random, stopped, isChaos } = this.#parts;
    for (const host of hosts.filter((one) => !stopped.has(one))) {
      if (isChaos() && random.chance(0.2)) continue;
      const record = await world.table.readHost(host);
      if (record === undefined) continue;
      const at = world.clock().toISOString();
      await world.table.transact([put('seen', { hostId: host, bootId: record.host.bootId, at })]);
      for (const task of record.tasks) await this.#take(record.host.bootId, task);
    }
  }

  async #take(bootId: string, task: TaskItem): Promise<void> {
    const { note } = this.#parts;
    const key = `${bootId} ${task.operationId} ${task.deadline}`;
    const result = this.#results.get(key) ?? (await this.#perform(bootId, task));
    if (result === undefined) return;
    this.#results.set(key, result);
    note(`  ${task.hostId} ${task.kind}: ${result.error?.code ?? result.outcome}`);
    const { operationId: operation } = task;
    await this.#surviving(() =>
      reportTask(this.#ports, callerOf(task.hostId), { operation, bootId, result }),
    );
  }

  async #perform(bootId: string, task: TaskItem): Promise<TaskResult | undefined> {
    if (task.begun)
      return failed({ code: 'TimedOut', detail: 'The agent was started again during the cut.' });
    if (this.#parts.world.clock().getTime() > Date.parse(task.deadline))
      return failed({ code: 'TimedOut', detail: 'The task came after its deadline.' });
    return task.kind === 'cut' ? this.#cut(bootId, task) : { outcome: 'done', verify: passed };
  }

  async #cut(
    bootId: string,
    { volumeId, hostId, operationId, epoch }: TaskItem,
  ): Promise<TaskResult | undefined> {
    const { world, uses, count } = this.#parts;
    const use = uses.get(volumeId);
    if (use?.host !== hostId) return failed({ code: 'Conflict', detail: 'It is not mounted here any more.' });
    const before = new Set(world.storage.truth.snapshots.keys());
    const frozenAt = world.clock().getTime();
    this.#frozen.add(use.ebsId);
    const request = { operation: operationId, bootId, epoch };
    const answer = await this.#surviving(() => cutVolume(this.#ports, callerOf(hostId), request));
    const end = this.#endOfFreeze();
    if (end === 'late') world.pass(freezeMs / 1_000 + 2);
    const held = world.clock().getTime() - frozenAt <= freezeMs && end !== 'dead';
    this.#frozen.delete(use.ebsId);
    const made = [...world.storage.truth.snapshots.keys()].filter((id) => !before.has(id));
    if (held) for (const id of made) this.#proven.add(id);
    this.cuts[held && answer !== undefined ? 'held' : 'lost']++;
    if (end !== 'kept') count(`freeze-${end}`);
    if (end === 'dead') return undefined;
    if (held && answer !== undefined) return { outcome: 'done', frozenMs: 12.5 };
    return failed({ code: held ? 'Unavailable' : 'TimedOut', detail: 'The cut was not made in the freeze.' });
  }

  /** The agent thaws; or it dies under the freeze, or the answer comes after its deadline, and the watchdog thaws. */
  #endOfFreeze(): 'kept' | 'dead' | 'late' {
    const { random, isChaos } = this.#parts;
    if (!isChaos() || random.chance(0.7)) return 'kept';
    return random.pick(['dead', 'late']);
  }

  /** Undefined where the call had no answer, or a refusal. */
  async #surviving<T>(ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Killed) && !isProductError(error)) throw error;
      this.#parts.note(`  a host's call: ${error.message}`);
      return undefined;
    }
  }
}

function callerOf(hostId: string) {
  const account = '000000000000';
  const arn = `arn:aws:sts::${account}:assumed-role/hivemind-host/${hostId}`;
  return { arn, userId: `${roleId}:${hostId}`, account };
}
