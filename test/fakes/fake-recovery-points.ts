import type {
  BackupJob,
  CopyJob,
  NewPointCopy,
  NewRecoveryPoint,
  NewRestore,
  RecoveryPoint,
  RecoveryPoints,
  RestoreJob,
} from '#shared/aws/backup/recovery-points.ts';
import { ProductError } from '#shared/model/errors.ts';
import { restoredAt, restorePrefix } from '#shared/model/restored-directory.ts';
import { Killed } from './killed.ts';

export type RecoveryAction = 'startBackup' | 'startRestore' | 'startCopy' | 'deletePoint';
export type RecoveryFault = 'throttle' | 'refuse' | 'lost-answer' | 'fail' | 'crash-before' | 'crash-after';

export interface FakeRecoveryPointsOptions {
  readonly clock: () => Date;
  readonly fault?: (action: RecoveryAction) => RecoveryFault | undefined;
  /** @default the Region of the deployment */
  readonly region?: string;
  /** Those of other Regions, which copies go to. @default none */
  readonly others?: (region: string) => FakeRecoveryPoints | undefined;
}

/** The vault of every Region. */
export const fakeVault = 'far';

/** Milliseconds that a job runs. */
export const jobMs = 20_000;
/** AWS's words of a job that a fault makes fail. */
export const failure = 'Access Denied trying to call AWS Backup service';

interface Job {
  readonly id: string;
  readonly arn: string;
  readonly token: string;
  readonly at: number;
  readonly path?: string;
  state: 'running' | 'completed' | 'failed';
  reason: string | undefined;
}

/** Behaviour: recovery-points.md. */
export class FakeRecoveryPoints implements RecoveryPoints {
  /** Directories of the file system. */
  readonly directories = new Set<string>();
  /** What each recovery point holds, by its ARN. */
  readonly points = new Map<
    string,
    { readonly tags: NewRecoveryPoint['tags']; readonly holds: Set<string>; readonly at?: number }
  >();
  /** Milliseconds until a recovery point that is deleted is gone. */
  deleting = 5_000;
  readonly #gone = new Map<string, number>();
  readonly #options: FakeRecoveryPointsOptions;
  readonly #backups = new Map<string, Job & { readonly tags: NewRecoveryPoint['tags'] }>();
  readonly #restores = new Map<string, Job & { readonly path: string }>();
  readonly #copies = new Map<string, Job & { readonly source: string; readonly to: string }>();
  #count = 0;

  constructor(options: FakeRecoveryPointsOptions) {
    this.#options = options;
  }

  /** Jobs that were begun. */
  get begun(): { backups: number; restores: number; copies: number } {
    return { backups: this.#backups.size, restores: this.#restores.size, copies: this.#copies.size };
  }

  startBackup({ token, tags }: NewRecoveryPoint): Promise<BackupJob> {
    return this.#call('startBackup', (fails) => {
      const known = [...this.#backups.values()].find((job) => job.token === token);
      if (known !== undefined) return show(known);
      const busy = [...this.#backups.values()].some(({ state }) => state === 'running');
      const id = this.#newId();
      const arn = this.#arn(id);
      const job = { id, arn, token, tags, at: this.#now(), ...begin(fails, busy) };
      this.#backups.set(id, job);
      return show(job);
    });
  }

  async findBackup(jobId: string): Promise<BackupJob | undefined> {
    await this.#settle();
    const job = this.#backups.get(jobId);
    return job === undefined ? undefined : show(job);
  }

  async findPoint(arn: string): Promise<RecoveryPoint | undefined> {
    return (await this.listPoints()).find((point) => point.arn === arn);
  }

  async listPoints(): Promise<RecoveryPoint[]> {
    await this.#settle();
    return [...this.points].map(([arn, { at }]) => ({
      arn,
      state: this.#gone.has(arn) ? 'deleting' : 'completed',
      createdAt: at === undefined ? undefined : new Date(at),
    }));
  }

  async tagsOf(arn: string): Promise<NewRecoveryPoint['tags'] | undefined> {
    await this.#settle();
    return this.points.get(arn)?.tags;
  }

  deletePoint(arn: string): Promise<'deleted' | 'in-use'> {
    return this.#call('deletePoint', () => {
      const running = ({ state }: Job): boolean => state === 'running';
      const restored = [...this.#restores.values()].some((job) => job.arn === arn && running(job));
      const used = restored || [...this.#copies.values()].some((job) => job.source === arn && running(job));
      if (used) return 'in-use';
      if (this.points.has(arn)) this.#gone.set(arn, this.#now() + this.deleting);
      return 'deleted';
    });
  }

  startRestore({ token, arn, path }: NewRestore): Promise<string> {
    return this.#call('startRestore', (fails) => {
      const known = [...this.#restores.values()].find((job) => job.token === token);
      if (known !== undefined) return known.id;
      if (!this.points.has(arn) || this.#gone.has(arn))
        throw new ProductError('StorageFailed', 'There is no such recovery point.');
      const id = this.#newId();
      this.#restores.set(id, { id, arn, token, path, at: this.#now(), ...begin(fails, false) });
      return id;
    });
  }

  async findRestore(jobId: string): Promise<RestoreJob | undefined> {
    await this.#settle();
    const job = this.#restores.get(jobId);
    return job === undefined ? undefined : show(job);
  }

  startCopy({ token, arn: source, to }: NewPointCopy): Promise<CopyJob> {
    return this.#call('startCopy', (fails) => {
      const known = [...this.#copies.values()].find((job) => job.token === token);
      const job = known ?? { ...this.#newCopy({ token, arn: source, to }), ...begin(fails, false) };
      this.#copies.set(job.id, job);
      return { id: job.id, createdAt: new Date(job.at), vault: fakeVault };
    });
  }

  async findCopy(jobId: string): Promise<BackupJob | undefined> {
    await this.#settle();
    const job = this.#copies.get(jobId);
    if (job === undefined) return undefined;
    return job.state === 'completed' ? show(job) : { ...show(job), recoveryPointArn: '' };
  }

  #newCopy({ token, arn: source, to }: NewPointCopy) {
    const target = this.#options.others?.(to);
    if (target === undefined) throw new ProductError('InvalidInput', `There is no vault in ${to}.`);
    if (!this.points.has(source) || this.#gone.has(source))
      throw new ProductError('StorageFailed', 'There is no such recovery point.');
    return { id: this.#newId(), arn: target.#arn(target.#newId()), source, to, token, at: this.#now() };
  }

  #arn(id: string): string {
    return `arn:aws:backup:${this.#options.region ?? 'us-east-1'}:000000000000:recovery-point:${id}`;
  }

  async #call<T>(action: RecoveryAction, effect: (fails: boolean) => T): Promise<T> {
    await this.#settle();
    const fault = this.#options.fault?.(action);
    if (fault === 'crash-before') throw new Killed(`before ${action}`);
    if (fault === 'throttle') throw new ProductError('Throttled', 'AWS takes no more requests right now.');
    if (fault === 'refuse')
      throw new ProductError('AccessDenied', 'AWS does not let the control plane do this.');
    const answer = effect(fault === 'fail');
    if (fault === 'crash-after') throw new Killed(`after ${action}`);
    if (fault === 'lost-answer') throw new ProductError('Unavailable', 'The answer was lost.');
    return answer;
  }

  #now(): number {
    return this.#options.clock().getTime();
  }

  #newId(): string {
    return String(++this.#count).padStart(8, '0');
  }

  /** What is due happens. */
  async #settle(): Promise<void> {
    await Promise.resolve();
    for (const [arn, at] of this.#gone) if (this.#now() >= at) this.#forget(arn);
    const due = ({ state, at }: Job): boolean => state === 'running' && this.#now() - at >= jobMs;
    for (const job of [...this.#backups.values()].filter(due)) {
      job.state = 'completed';
      this.points.set(job.arn, { tags: job.tags, holds: new Set(this.directories), at: job.at });
    }
    for (const job of [...this.#restores.values()].filter(due)) this.#restored(job);
    for (const job of [...this.#copies.values()].filter(due)) this.#copied(job);
  }

  #forget(arn: string): void {
    this.points.delete(arn);
    this.#gone.delete(arn);
  }

  /** As old as what it is made from, with the same tags. */
  #copied(job: Job & { readonly source: string; readonly to: string }): void {
    const source = this.points.get(job.source);
    job.state = source === undefined ? 'failed' : 'completed';
    if (source !== undefined) this.#options.others?.(job.to)?.points.set(job.arn, source);
  }

  #restored(job: Job & { readonly path: string }): void {
    const time = new Date(job.at)
      .toISOString()
      .replaceAll(/[:.]/g, '-')
      .replace('Z', `0${job.id.slice(3)}Z`);
    const held = this.points.get(job.arn)?.holds.has(job.path) === true;
    job.state = held ? 'completed' : 'failed';
    job.reason = held ? undefined : `Not in the recovery point: ${job.path}`;
    this.directories.add(`/${restorePrefix}${time}`);
    if (held) this.directories.add(restoredAt(`${restorePrefix}${time}`, job.path));
  }
}

function begin(fails: boolean, busy: boolean): Pick<Job, 'state' | 'reason'> {
  if (fails) return { state: 'failed', reason: failure };
  if (busy) return { state: 'failed', reason: 'A job is already running for the resource' };
  return { state: 'running', reason: undefined };
}

function show({ id, arn, state, reason, at }: Job): BackupJob {
  const progress = state === 'completed' ? 100 : 0;
  return { id, recoveryPointArn: arn, state, progress, reason, createdAt: new Date(at) };
}
