import type { AccessPoint, AccessPoints, NewAccessPoint } from '#shared/aws/efs/access-points.ts';
import { ProductError } from '#shared/model/errors.ts';
import { Killed } from './killed.ts';

export type AccessPointFault = 'throttle' | 'lost-answer' | 'crash-before' | 'crash-after';

export interface FakeAccessPointsOptions {
  readonly clock: () => Date;
  readonly fault?: (action: 'create' | 'delete') => AccessPointFault | undefined;
}

/** Milliseconds that an access point is `creating`. */
const createDelay = 1_000;

/**
 * EFS's access points in memory: `creating`, after a second `available`; the same token gives the same one while it lives; a
 * delete is at once, and of one that is gone nothing. Faults as the fake of block storage has them.
 */
export class FakeAccessPoints implements AccessPoints {
  readonly fileSystemId = 'fs-0123456789abcdef0';
  readonly #options: FakeAccessPointsOptions;
  readonly #points = new Map<string, { readonly wanted: NewAccessPoint; readonly at: number }>();
  #count = 0;

  constructor(options: FakeAccessPointsOptions) {
    this.#options = options;
  }

  /** What was asked for, of each that there is. */
  get wanted(): NewAccessPoint[] {
    return [...this.#points.values()].map(({ wanted }) => wanted);
  }

  /** Each that there is, with its tags. */
  get listed(): (readonly [string, NewAccessPoint['tags']])[] {
    return [...this.#points].map(([id, { wanted }]) => [id, wanted.tags] as const);
  }

  async create(wanted: NewAccessPoint): Promise<AccessPoint> {
    return this.#call('create', () => {
      const known = [...this.#points].find(([, point]) => point.wanted.clientToken === wanted.clientToken);
      if (known !== undefined) return this.#show(known[0]);
      const id = `fsap-${String(++this.#count).padStart(17, '0')}`;
      this.#points.set(id, { wanted, at: this.#options.clock().getTime() });
      return this.#show(id);
    });
  }

  async find(id: string): Promise<AccessPoint | undefined> {
    await Promise.resolve();
    return this.#points.has(id) ? this.#show(id) : undefined;
  }

  async delete(id: string): Promise<void> {
    return this.#call('delete', () => void this.#points.delete(id));
  }

  async #call<T>(action: 'create' | 'delete', effect: () => T): Promise<T> {
    await Promise.resolve();
    const fault = this.#options.fault?.(action);
    if (fault === 'crash-before') throw new Killed(`before ${action}`);
    if (fault === 'throttle') throw new ProductError('Throttled', 'AWS takes no more requests right now.');
    const answer = effect();
    if (fault === 'crash-after') throw new Killed(`after ${action}`);
    if (fault === 'lost-answer') throw new ProductError('Unavailable', 'The answer was lost.');
    return answer;
  }

  #show(id: string): AccessPoint {
    const point = this.#points.get(id);
    const young = this.#options.clock().getTime() - (point?.at ?? 0) < createDelay;
    const path = point?.wanted.path ?? '';
    return { id, fileSystemId: this.fileSystemId, path, state: young ? 'creating' : 'available' };
  }
}
