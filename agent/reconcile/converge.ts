import { ProductError } from '#shared/model/errors.ts';
import type { Assignment } from '#shared/model/host.ts';
import { isAway } from '#agent/link/away.ts';
import { createExecutors, type ExecutorPorts } from './executors.ts';
import { planServe, planSettle, type VolumeView } from './plan.ts';
import { execute, type Step } from './steps.ts';
import { publishedPath, viewOf, type RunContext } from './view.ts';

export interface ConvergePorts extends Omit<ExecutorPorts, 'markFenced'> {
  /** Whether the control plane answered the last time it was asked. */
  readonly isLinked: () => boolean;
  readonly idleSeconds: number;
  readonly now?: () => number;
}

/** More would mean that the planner runs in a circle. */
const maxSteps = 2_000;

/**
 * Brings one volume from what is to what should be: looks, plans one step, performs it, looks again.
 * INVARIANT: the caller runs at most one of these for a volume name at a time.
 */
export class Converge {
  readonly #ports: ConvergePorts;
  readonly #executors: ReturnType<typeof createExecutors>;
  readonly #fenced = new Set<string>();
  readonly #unusedSince = new Map<string, number>();
  readonly #failures = new Map<string, string>();

  constructor(ports: ConvergePorts) {
    this.#ports = ports;
    this.#executors = createExecutors({
      ...ports,
      markFenced: (volumeId) => void this.#fenced.add(volumeId),
    });
  }

  /** What went wrong the last time, for the report. */
  failureOf(volumeId: string): string | undefined {
    return this.#failures.get(volumeId);
  }

  /** The volume of this name that the control plane or this boot's own records know. */
  known(name: string): Assignment | undefined {
    const { knowledge, records, places } = this.#ports;
    const isOurs = (record: { bootId: string; assignment: Assignment }): boolean =>
      record.bootId === places.bootId && record.assignment.name === name;
    return knowledge.byName(name) ?? records.all().find(isOurs)?.assignment;
  }

  /** Docker has said its last word for it: the next sweep need not wait, if nothing uses it. */
  markIdle(volumeId: string): void {
    this.#unusedSince.set(volumeId, Number.NEGATIVE_INFINITY);
  }

  async serve(name: string, signal: AbortSignal): Promise<string> {
    let fresh = false;
    for (let steps = 0; steps < maxSteps; steps++) {
      const step = await this.#nextServe(name, fresh);
      if (step === undefined) return publishedPath(this.#ports.places, name);
      if (step.kind === 'claim') fresh = true;
      await this.#perform(step, signal);
    }
    throw circle(name);
  }

  async settle(
    assignment: Assignment,
    run: { idle: boolean; sweep: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await this.#settle(assignment, run, signal);
      this.#failures.delete(assignment.volumeId);
    } catch (error) {
      if (!isAway(error)) this.#failures.set(assignment.volumeId, textOf(error));
      throw error;
    }
  }

  async #settle(
    assignment: Assignment,
    run: { idle: boolean; sweep: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    for (let steps = 0; steps < maxSteps; steps++) {
      const idle = run.idle || this.#isIdle(assignment.volumeId);
      const view = await this.#view(assignment, { fresh: false, sweep: run.sweep, idle });
      this.#noteUse(assignment.volumeId, view);
      const step = planSettle(view);
      if (step === undefined) return;
      await this.#perform(step, signal);
    }
    throw circle(assignment.name);
  }

  async #nextServe(name: string, fresh: boolean): Promise<Step | undefined> {
    const assignment = this.known(name);
    if (assignment === undefined) return { kind: 'claim', name };
    return planServe(await this.#view(assignment, { fresh, idle: false, sweep: false }));
  }

  #view(assignment: Assignment, run: Pick<RunContext, 'fresh' | 'idle' | 'sweep'>): Promise<VolumeView> {
    const fenced = this.#fenced.has(assignment.volumeId);
    return viewOf(this.#ports, assignment, { ...run, fenced, linked: this.#ports.isLinked() });
  }

  async #perform(step: Step, signal: AbortSignal): Promise<void> {
    const started = performance.now();
    await execute(this.#executors, step, signal);
    const ms = Math.round(performance.now() - started);
    this.#ports.log.info('step', { step: step.kind, ms, ...aboutOf(step) });
    if (signal.aborted) throw stopping();
  }

  #noteUse(volumeId: string, { used, staged, heldAt }: VolumeView): void {
    const { now = Date.now } = this.#ports;
    if (used || !staged) this.#unusedSince.delete(volumeId);
    else if (!this.#unusedSince.has(volumeId)) this.#unusedSince.set(volumeId, now());
    if (heldAt === undefined) this.#fenced.delete(volumeId);
  }

  #isIdle(volumeId: string): boolean {
    const { now = Date.now, idleSeconds } = this.#ports;
    const since = this.#unusedSince.get(volumeId);
    return since !== undefined && now() - since >= idleSeconds * 1000;
  }
}

function aboutOf(step: Step): Record<string, unknown> {
  if ('assignment' in step) return { volume: step.assignment.name, epoch: step.assignment.epoch };
  return 'name' in step ? { volume: step.name } : { volumeId: step.volumeId };
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function stopping(): ProductError {
  return new ProductError('Unavailable', 'The agent is stopping.', { hint: 'Try again when it runs.' });
}

function circle(name: string): ProductError {
  return new ProductError('Internal', `The agent comes to no end with volume "${name}".`, {
    hint: 'Its log names the steps; please report them.',
  });
}
