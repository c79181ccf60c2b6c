import type { Item, StoreWrite } from '#shared/aws/table/store.ts';
import { mayBecome, type VolumeState } from '#shared/model/states.ts';
import { policyCaller } from '#functions/policies/begin-backup.ts';
import { MemoryStore } from '#test/fakes/memory-store.ts';

/** The table, with what must hold of every single write. */
export class WatchedStore extends MemoryStore {
  /** What did not hold. */
  readonly broken: string[] = [];
  /** Removals that a policy's retention began. */
  pruned = 0;

  override async transact(writes: readonly StoreWrite[]): Promise<void> {
    const before = new Map(await this.#stored(writes));
    await super.transact(writes);
    for (const write of writes) this.#judge(write, before.get(write));
    this.#judgePruning([...before]);
  }

  /** Where a policy removes a good backup, another one of the volume stays that is as good and no older. */
  #judgePruning(written: readonly [StoreWrite, Item | undefined][]): void {
    const puts = written.flatMap(([write, was]) => (write.kind === 'put' ? [{ is: write.item, was }] : []));
    const isByPolicy = puts.some(({ is }) => is['kind'] === 'deleteBackup' && is['caller'] === policyCaller);
    const removed = puts.find(({ is }) => is['entity'] === 'backup' && is['state'] === 'deleting');
    if (!isByPolicy || removed === undefined) return;
    this.pruned++;
    if (removed.was?.['state'] !== 'available') return;
    const isAsGood = (item: Item): boolean =>
      item['entity'] === 'backup' &&
      item['volumeId'] === removed.is['volumeId'] &&
      item['state'] === 'available' &&
      String(item['cutAt']) >= String(removed.is['cutAt']);
    if (![...this.items.values()].some(isAsGood)) this.broken.push('a policy removed the last good backup');
  }

  async #stored(writes: readonly StoreWrite[]): Promise<[StoreWrite, Item | undefined][]> {
    const found: [StoreWrite, Item | undefined][] = [];
    for (const write of writes) found.push([write, await this.get(write.key)]);
    return found;
  }

  #judge(write: StoreWrite, was: Item | undefined): void {
    if (was === undefined || write.kind === 'check') return;
    const next = write.kind === 'put' ? write.item : undefined;
    if (was['entity'] === 'volume') this.#judgeState(was, next);
    if (was['entity'] === 'lease' && next !== undefined) this.#judgeLease(was, next);
    if (was['entity'] === 'operation' && next !== undefined) this.#judgeOperation(was, next);
  }

  #judgeState(was: Item, next: Item | undefined): void {
    const from = was['state'] as VolumeState;
    const to = next === undefined ? 'gone' : (next['state'] as VolumeState);
    if (!mayBecome(from, to)) this.broken.push(`a volume that was ${from} became ${to}`);
    if (next !== undefined && Number(next['revision']) <= Number(was['revision'])) {
      this.broken.push('a volume changed under the same revision');
    }
  }

  #judgeLease(was: Item, next: Item): void {
    const [before, after] = [Number(was['epoch']), Number(next['epoch'])];
    if (after < before) this.broken.push(`an epoch fell from ${before} to ${after}`);
    const moved =
      next['holder'] !== was['holder'] && next['holder'] !== undefined && was['holder'] !== undefined;
    if (moved && after === before) this.broken.push('a lease changed hands under the same epoch');
  }

  #judgeOperation(was: Item, next: Item): void {
    const ended = was['status'] === 'succeeded' || was['status'] === 'failed';
    if (ended) this.broken.push('an operation that had ended changed');
    if (Number(next['progress']) < Number(was['progress']))
      this.broken.push('the progress of an operation fell');
  }
}
