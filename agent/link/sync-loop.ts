import type { ObservedAttachment, Registration, SyncAnswer } from '#shared/model/host.ts';
import { isProductError } from '#shared/model/errors.ts';
import type { Log } from '#agent/log.ts';
import type { HostApi } from './api.ts';
import { backoff } from './backoff.ts';

export interface SyncPorts {
  readonly api: Pick<HostApi, 'register' | 'sync'>;
  readonly log: Log;
  readonly observe: () => Promise<ObservedAttachment[]>;
  /** Called with each answer; `mark` was taken before the request. */
  readonly mark: () => number;
  readonly learn: (answer: SyncAnswer, mark: number) => void;
  /** Begins what the answer asks for; not waited for. */
  readonly act: (answer: Pick<SyncAnswer, 'purges' | 'tasks'>) => void;
  readonly onRegistered: (registration: Registration) => void;
  /** The control plane does not take the caller for this host. */
  readonly onDenied?: (() => void) | undefined;
  /** Seconds; overrides the control plane's. */
  readonly pollSeconds?: number | undefined;
  readonly firstRetryMs?: number;
}

const defaultPollSeconds = 30;
const maxRetryMs = 30_000;
/** While somebody waits for an attach to end. */
const hastenFirstMs = 500;
const hastenMaxMs = 4_000;

/**
 * Level-based: reports what is, fetches what should be, lets it be acted on, waits. An event only makes it come sooner;
 * losing one costs at most a poll interval.
 */
export class SyncLoop {
  readonly #ports: SyncPorts;
  readonly #retry;
  readonly #hasten = backoff({ firstMs: hastenFirstMs, maxMs: hastenMaxMs });
  readonly #stop = new AbortController();
  #linked = false;
  #registration: Registration | undefined;
  #current: Promise<boolean> | undefined;
  /** When the next sync begins, in milliseconds since 1970. */
  #due = 0;
  #rearm: () => void = () => undefined;
  #waiters: (() => void)[] = [];
  #lastProgress = Date.now();
  #running: Promise<void> = Promise.resolve();

  constructor(ports: SyncPorts) {
    this.#ports = ports;
    this.#retry = backoff({ firstMs: ports.firstRetryMs ?? 500, maxMs: maxRetryMs });
  }

  get pollMs(): number {
    return (this.#ports.pollSeconds ?? this.#registration?.pollSeconds ?? defaultPollSeconds) * 1000;
  }

  /** When the loop last came round, answered or not. */
  get lastProgress(): number {
    return this.#lastProgress;
  }

  isLinked(): boolean {
    return this.#linked;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#rearm();
    await this.#running;
    for (const release of this.#waiters.splice(0)) release();
  }

  /** Sync within so many milliseconds. An API that does not answer is not asked more often for being asked for. */
  request(withinMs = 0): void {
    if (this.#linked || this.#current !== undefined) this.#dueBy(Date.now() + withinMs);
  }

  /** Resolves after a sync that is begun from now on; waiting makes syncs frequent, ever less so. */
  async next(signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#stop.signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#waiters.push(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
      if (this.#linked) this.#dueBy(this.#lastProgress + this.#hasten.next());
    });
  }

  /** Syncs now; whether the control plane answered. Callers at the same time share one that begins after they asked. */
  async refresh(): Promise<boolean> {
    if (!this.#linked) return false;
    if (this.#current !== undefined) await this.#current;
    return this.#once();
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const waited = this.#waiters.splice(0);
      if (waited.length === 0) this.#hasten.reset();
      // What is asked for from here on may not be in this answer: it makes the next sync due.
      this.#due = Number.POSITIVE_INFINITY;
      const linked = await this.#once();
      this.#lastProgress = Date.now();
      this.#due = linked
        ? Math.min(this.#due, this.#lastProgress + this.pollMs)
        : this.#lastProgress + this.#retry.next();
      if (linked) this.#retry.reset();
      for (const release of waited) release();
      await this.#pause();
    }
  }

  #once(): Promise<boolean> {
    this.#current ??= this.#sync().finally(() => {
      this.#current = undefined;
    });
    return this.#current;
  }

  async #sync(): Promise<boolean> {
    const { api, log, mark, learn, observe, act } = this.#ports;
    try {
      this.#registration ??= await this.#register();
      const before = mark();
      const answer = await api.sync(await observe());
      if (!this.#linked) log.info('the control plane answers');
      this.#linked = true;
      learn(answer, before);
      act(answer);
    } catch (error) {
      if (isProductError(error, 'HostNotFound', 'Conflict')) this.#registration = undefined;
      if (isProductError(error, 'AccessDenied')) this.#ports.onDenied?.();
      log[this.#linked ? 'error' : 'warn']('the control plane does not answer; what is mounted stays', {
        error,
      });
      this.#linked = false;
    }
    return this.#linked;
  }

  async #register(): Promise<Registration> {
    const registration = await this.#ports.api.register();
    const { host, pollSeconds } = registration;
    this.#ports.log.info('registered', { host: host.id, namespace: host.namespace, pollSeconds });
    this.#ports.onRegistered(registration);
    return registration;
  }

  #dueBy(time: number): void {
    this.#due = Math.min(this.#due, time);
    this.#rearm();
  }

  async #pause(): Promise<void> {
    while (!this.#stop.signal.aborted && Date.now() < this.#due) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, this.#due - Date.now());
        this.#rearm = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#rearm = () => undefined;
  }
}
