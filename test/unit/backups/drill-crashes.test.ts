import { describe, expect, it } from 'vitest';
import { keys, partitions } from '#shared/aws/table/keys.ts';
import { isProductError } from '#shared/model/errors.ts';
import { isFinished } from '#shared/model/operation.ts';
import { drillBackup } from '#functions/backups/drill-backup.ts';
import { Killed } from '#test/fakes/killed.ts';
import { Effects, type Kill } from '#test/unit/workers/support/effects.ts';
import { call } from '#test/unit/workers/support/world.ts';

import { backedUp, backupOf, done, hostAnswers, leftOf, passed } from './support/drills.ts';

describe('killed at any of its effects', () => {
  async function stage() {
    const effects = new Effects();
    const staged = await backedUp(effects.options());
    return { ...staged, effects };
  }

  /** The caller repeats itself, and the sweeper starts the worker again, until nothing is unfinished. */
  async function survive(
    { world, backup, effects }: Awaited<ReturnType<typeof stage>>,
    kill?: Kill,
  ): Promise<void> {
    effects.begin(kill);
    const once = call({ idempotencyKey: 'drill' });
    const ask = () => drillBackup(world.api, once, { backup: backup.id });
    await surviving(ask);
    await surviving(ask);
    for (let count = 0; count < 200; count++) {
      const [unfinished] = await world.table.listUnfinishedOperations('9999');
      if (unfinished === undefined) break;
      await hostAnswers(world, unfinished.id, done(passed));
      const output = await surviving(() => world.step(unfinished.id));
      world.pass(output?.waitSeconds ?? 2);
    }
  }

  async function surviving<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Killed || isProductError(error)) return undefined;
      throw error;
    }
  }

  it('comes to its end, and leaks nothing', async () => {
    const whole = await stage();
    await survive(whole);
    const effects = whole.effects.recorded.map(({ what }) => what);
    expect(effects).toContain('createVolume');
    expect(effects).toContain('attachVolume');
    expect(effects).toContain('detachVolume');
    expect(effects).toContain('deleteVolume');
    for (let at = 0; at < effects.length; at++) {
      for (const when of ['before', 'after'] as const) {
        const staged = await stage();
        const { world, backup } = staged;
        await survive(staged, { at, when });
        const where = `${when} ${effects[at]}`;
        expect([where, staged.effects.killed]).toEqual([where, true]);
        const { drill: found, users } = await backupOf(world, backup.id);
        expect([where, found?.outcome, users]).toEqual([where, 'passed', []]);
        expect([where, await leftOf(world)]).toEqual([where, []]);
        const { items } = await world.table.list('operationIndex', { pk: partitions.operations('default') });
        const operations = await world.table.readMany(
          'operation',
          items.map(({ operationId }) => keys.operation(operationId)),
        );
        expect([where, operations.filter(({ status }) => !isFinished(status))]).toEqual([where, []]);
      }
    }
  });
});
