import { put } from '#shared/aws/table/writes.ts';
import type { TaskItem } from '#shared/model/items.ts';
import type { CreatePolicy, Policy } from '#shared/model/policy.ts';
import { done, hostAnswers, passed } from '#test/unit/backups/support/drills.ts';
import { hostA, type WorldOptions } from '#test/unit/workers/support/world.ts';
import { PolicyWorld } from './policy-world.ts';

/** A world in which host A reports to the last, and answers for what it found in each copy. */
export class DrillingWorld extends PolicyWorld {
  /** What it finds; undefined: it does not look. */
  answer: TaskItem['result'] | undefined = done(passed);

  static async with(
    names: readonly string[],
    { options = {}, policy = {} }: { options?: WorldOptions; policy?: Partial<CreatePolicy> } = {},
  ): Promise<{ world: DrillingWorld; policy: Policy }> {
    const world = new DrillingWorld(options);
    await world.addHost(hostA);
    for (const name of names) await world.filled(name);
    const made = await world.policy({ drill: '0 4 * * 0', objective: '90d', ...policy });
    return { world, policy: made };
  }

  async heard(): Promise<void> {
    const at = this.clock().toISOString();
    await this.table.transact([put('seen', { hostId: hostA, bootId: 'boot', at })]);
  }

  override async workOperations(): Promise<void> {
    await this.heard();
    for (const { id } of await this.table.listUnfinishedOperations('9999', 1_000)) {
      await hostAnswers(this, id, this.answer);
      await this.step(id);
    }
  }

  /** Moves the clock to a time of the current day or a later one. */
  passTo(iso: string): void {
    this.pass((Date.parse(iso) - this.clock().getTime()) / 1_000);
  }

  /** Drills by hand, to their end. */
  async drillNow() {
    await this.heard();
    return this.runNow('nightly', 'drill');
  }

  async drillOf(name: string) {
    return (await this.backupsOf(name)).at(-1)?.drill;
  }
}
