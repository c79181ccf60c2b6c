import { randomUUID } from 'node:crypto';
import type { Waker } from '#shared/aws/queue.ts';
import type { VolumeRecord } from '#shared/aws/table/records.ts';
import type { Table } from '#shared/aws/table/table.ts';
import { remove, replace } from '#shared/aws/table/writes.ts';
import { isProductError, type ProductError } from '#shared/model/errors.ts';
import type { OperationItem, StepItem } from '#shared/model/items.ts';
import { isFinished, type WorkerInput, type WorkerOutput } from '#shared/model/operation.ts';
import type { Log } from '#shared/runtime/telemetry.ts';
import { look, type Change, type ChangeFacts } from './change.ts';
import { executorOf, type Executor, type Executors } from './executor.ts';
import { advance, asPlanned, conflictOf, ended, secondsUntilFree } from './operation-progress.ts';
import { ageOf, pace, type Saying } from './planner.ts';

/** What a worker of any driver needs. */
export interface WorkerPorts {
  readonly table: Table;
  readonly waker: Waker;
  readonly log: Log;
  readonly clock: () => Date;
}

type AnyStep = Saying & { readonly kind: string; readonly mark?: string };

/** A driver's half of a worker. */
export interface WorkerDriver<Step extends AnyStep, Facts extends ChangeFacts> {
  /** Reads what AWS says; changes nothing. */
  look(seen: ChangeFacts): Promise<Facts>;
  plan(facts: Facts): Step;
  /** What follows when AWS refuses the step for good. */
  refuse(facts: Facts, error: ProductError, step: Step): Step;
  readonly executors: Executors<Step, Facts>;
}

/** Somebody else was faster: read again and plan anew, so many times. */
const tries = 5;

/**
 * One invocation: read all, plan one step, claim it, perform it, confirm (contract 8: state first, effect second, then confirm).
 * `deadline` is the invocation's own: after it nothing of this invocation runs any more.
 */
export class Worker<Step extends AnyStep, Facts extends ChangeFacts> {
  readonly #ports: WorkerPorts;
  readonly #driver: WorkerDriver<Step, Facts>;

  constructor(ports: WorkerPorts, driver: WorkerDriver<Step, Facts>) {
    this.#ports = ports;
    this.#driver = driver;
  }

  async run({ operationId, driver }: WorkerInput, deadline: Date): Promise<WorkerOutput> {
    const { outcome, waitSeconds = 0 } = await this.#persist(operationId, deadline);
    return { operationId, driver, outcome, waitSeconds: outcome === 'wait' ? waitSeconds : 0 };
  }

  async #persist(operationId: string, deadline: Date): Promise<Change> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(operationId, deadline);
      } catch (error) {
        if (!isProductError(error, 'Conflict')) throw error;
        if (attempt >= tries) return look(1);
      }
    }
  }

  async #once(operationId: string, deadline: Date): Promise<Change> {
    const { table, clock } = this.#ports;
    const operation = await table.readOperation(operationId);
    if (operation === undefined || isFinished(operation.status)) return ended(operation);
    const record = await table.readVolume(operation.volumeId);
    const now = clock();
    if (record === undefined) return this.#orphan(operation, now);
    const standing = secondsUntilFree(record, now);
    if (standing > 0) return look(standing); // guard: step-claim-respected
    const facts = await this.#look({ operation, record, now });
    if (facts === undefined) return look(pace(ageOf(operation, now)));
    return this.#step(facts, this.#driver.plan(facts), deadline);
  }

  /** AWS may not answer a question right now: asked again later. */
  async #look(seen: ChangeFacts): Promise<Facts | undefined> {
    try {
      return await this.#driver.look(seen);
    } catch (error) {
      if (!isProductError(error)) throw error;
      const { code, message } = error;
      this.#ports.log.warn('AWS does not say', { operationId: seen.operation.id, code, message });
      return undefined;
    }
  }

  async #orphan(operation: OperationItem, now: Date): Promise<Change> {
    const detail = 'The volume is gone.';
    const error = { code: 'VolumeNotFound', detail };
    const finishedAt = now.toISOString();
    const next = { ...operation, status: 'failed' as const, error, message: detail, finishedAt };
    await this.#ports.table.transact([replace('operation', operation, next)]);
    return { writes: [], outcome: 'failed' };
  }

  async #step(facts: Facts, step: Step, deadline: Date): Promise<Change> {
    const executor = executorOf(this.#driver.executors, step);
    if (executor.kind === 'effect') return this.#effect(facts, { step, executor, deadline });
    const change = executor.change(facts, step);
    await this.#record(facts, step, change);
    return change;
  }

  /** A step that is the table's alone: one transaction, exclusive by the operation as it was read. */
  async #record(facts: Facts, step: Step, change: Change): Promise<void> {
    const { operation, record } = facts;
    const quiet = change.outcome === 'wait' && change.writes.length === 0;
    if (quiet && operation.message === step.message && operation.progress >= step.progress) return;
    const next = advance(facts, step, quiet ? { ...change, unmarked: true } : change);
    // A claim that has run out was a dead invocation's: nothing of it stays behind the operation.
    const stale = record.step === undefined ? [] : [remove('step', record.step)];
    await this.#ports.table.transact([replace('operation', operation, next), ...change.writes, ...stale]);
    await this.#after(operation.id, step, change);
  }

  async #effect(facts: Facts, { step, executor, deadline }: Effect<Step, Facts>): Promise<Change> {
    const claim = await this.#claim(facts, { step, executor, deadline });
    if (claim === undefined) return look(2);
    const claimed = { ...facts, operation: claim.operation, record: await this.#reread(facts.record) };
    let answered: (fresh: Facts) => Change;
    try {
      answered = await executor.perform(step, claimed);
    } catch (error) {
      if (!isProductError(error)) throw error;
      return this.#failed(claim.step, claimed, { step, error });
    }
    return this.#confirm(claim.step, claimed, (fresh) => [step, answered(fresh)]);
  }

  /** Intent before effect: the claim, the operation as running, and a check that all is as it was planned on. */
  async #claim(facts: Facts, { step, executor, deadline }: Effect<Step, Facts>) {
    const { operation, record, now } = facts;
    const item: StepItem = {
      volumeId: record.volume.id,
      operationId: operation.id,
      step: step.mark ?? step.kind,
      token: randomUUID(),
      deadline: deadline.toISOString(),
    };
    const next = advance(facts, step, { writes: [], outcome: 'continue', unmarked: true });
    const intended = executor.intend?.(facts, step) ?? [];
    const writes = [replace('operation', operation, next), ...asPlanned(record, intended), ...intended];
    if (!(await this.#ports.table.claimStep(item, now, writes))) return undefined;
    return { step: item, operation: next };
  }

  async #reread({ volume }: VolumeRecord): Promise<VolumeRecord> {
    const record = await this.#ports.table.readVolume(volume.id);
    if (record === undefined) throw conflictOf(volume.id);
    return record;
  }

  /** Ends the claim with what changes. The volume may have been updated meanwhile: the change is made anew from it. */
  async #confirm(claim: StepItem, facts: Facts, change: (fresh: Facts) => [Step, Change]): Promise<Change> {
    let fresh = { ...facts, now: this.#ports.clock() };
    for (let attempt = 1; ; attempt++) {
      const [step, made] = change(fresh);
      const next = advance(fresh, step, made);
      try {
        const writes = [replace('operation', fresh.operation, next), ...made.writes];
        await this.#ports.table.confirmStep(claim, writes);
        await this.#after(claim.operationId, step, made);
        return made;
      } catch (error) {
        const lost = isProductError(error, 'Conflict') && error.details.about?.['item'] !== 'step';
        if (!lost || attempt >= tries) throw error;
        fresh = { ...fresh, record: await this.#reread(fresh.record) };
      }
    }
  }

  /** What may pass is tried again after a look; what is refused for good leads to the driver's own consequence. */
  async #failed(claim: StepItem, facts: Facts, { step, error }: Refused<Step>): Promise<Change> {
    const { id } = facts.operation;
    this.#ports.log.warn('AWS refused a step', { operationId: id, step: step.kind, code: error.code, error });
    if (error.retryable) {
      const again = { ...step, message: `${error.message} Trying again.` };
      const later = { ...look(pace(ageOf(facts.operation, facts.now))), unmarked: true };
      return this.#confirm(claim, facts, () => [again, later]);
    }
    return this.#confirm(claim, facts, (fresh) => {
      const next = this.#driver.refuse(fresh, error, step);
      const executor = executorOf(this.#driver.executors, next);
      // A refusal leads to a change of the record, never straight to another call of AWS.
      if (executor.kind === 'effect') return [next, { ...look(1), unmarked: true }];
      return [next, executor.change(fresh, next)];
    });
  }

  async #after(operationId: string, { kind, message }: Step, { outcome, wake = [] }: Change): Promise<void> {
    this.#ports.log.info('step', { operationId, step: kind, outcome, says: message });
    for (const host of wake) await this.#ports.waker.wake(host);
  }
}

interface Effect<Step, Facts extends ChangeFacts> {
  readonly step: Step;
  readonly executor: Extract<Executor<Step, Facts>, { kind: 'effect' }>;
  readonly deadline: Date;
}

interface Refused<Step> {
  readonly step: Step;
  readonly error: ProductError;
}
