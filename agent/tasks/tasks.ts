import { isProductError, ProductError } from '#shared/model/errors.ts';
import type { HostTask, TaskResult } from '#shared/model/task.ts';
import type { HostApi } from '#agent/link/api.ts';
import { isAway } from '#agent/link/away.ts';
import type { Log } from '#agent/log.ts';

export interface TaskPorts {
  readonly api: Pick<HostApi, 'reportTask'>;
  readonly log: Log;
  /** Does one task; rejects when it cannot be done. */
  readonly perform: (task: HostTask) => Promise<Performed>;
  /** Clears up after a task that an earlier agent had begun. Never rejects. */
  readonly end?: (task: HostTask) => Promise<void>;
  /** Aborted when the agent stops: what that breaks off goes on with the next agent, and is no failure. */
  readonly stopping?: AbortSignal;
  readonly now?: () => number;
}

/** A task that was done, and what follows once that is reported: nobody waits for it, and it may be lost. */
export interface Performed {
  readonly result: TaskResult;
  readonly after?: () => Promise<void>;
}

/**
 * What operations ask of this host. Each task is done once by this process; its result is reported until the control plane
 * has taken it, which it shows by not listing the task any more.
 */
export class Tasks {
  readonly #ports: TaskPorts;
  readonly #running = new Set<string>();
  readonly #results = new Map<string, Performed>();

  constructor(ports: TaskPorts) {
    this.#ports = ports;
  }

  /** Begins what is new, and reports what is done. Never rejects. */
  async take(tasks: readonly HostTask[]): Promise<void> {
    const listed = new Set(tasks.map(keyOf));
    for (const key of this.#results.keys()) if (!listed.has(key)) this.#results.delete(key);
    await Promise.all(tasks.map((task) => this.#one(task))); // eslint-disable-line hivemind/no-unbounded-all -- a backup of a volume is one at a time, and a host has some dozens
  }

  async #one(task: HostTask): Promise<void> {
    const key = keyOf(task);
    if (this.#running.has(key)) return;
    this.#running.add(key);
    try {
      const { result, after } = this.#results.get(key) ?? (await this.#perform(task));
      this.#results.set(key, { result, ...(after === undefined ? {} : { after }) });
      await this.#ports.api.reportTask(task.operationId, result);
      this.#results.set(key, { result });
      void after?.();
    } catch (error) {
      this.#ports.log[isAway(error) ? 'debug' : 'warn']('task', { operation: task.operationId, error });
    } finally {
      this.#running.delete(key);
    }
  }

  async #perform(task: HostTask): Promise<Performed> {
    const { log, perform, end, stopping, now = Date.now } = this.#ports;
    try {
      if (task.begun) {
        await end?.(task);
        throw forgotten();
      }
      if (now() > Date.parse(task.deadline)) throw tooLate(task);
      const performed = await perform(task);
      const { outcome, error } = performed.result;
      if (outcome === 'failed')
        log.warn('a task failed', { operation: task.operationId, kind: task.kind, error });
      return performed;
    } catch (error) {
      if (stopping?.aborted === true) throw error;
      log.warn('a task failed', { operation: task.operationId, kind: task.kind, error });
      return { result: failedWith(error) };
    }
  }
}

/** What a task that cannot be done ends with. */
export function failedWith(error: unknown): TaskResult {
  const code = isProductError(error) ? error.code : 'CommandFailed';
  const detail = error instanceof Error ? error.message : String(error);
  const hint = isProductError(error) ? error.details.hint?.slice(0, 2048) : undefined;
  return {
    outcome: 'failed',
    error: { code, detail: detail.slice(0, 2048), ...(hint === undefined ? {} : { hint }) },
  };
}

/** The same operation may ask again: another task. */
function keyOf({ operationId, deadline }: HostTask): string {
  return `${operationId} ${deadline}`;
}

function forgotten(): ProductError {
  return new ProductError(
    'TimedOut',
    'The agent was started again during the cut; whether it holds is not known.',
  );
}

function tooLate({ deadline }: HostTask): ProductError {
  return new ProductError('TimedOut', `The task came after its deadline, ${deadline}.`);
}
