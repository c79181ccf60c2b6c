import { describe, expect, it } from 'vitest';
import { Table } from '#shared/aws/table/table.ts';
import { create, remove, replace } from '#shared/aws/table/writes.ts';
import type { StepItem } from '#shared/model/items.ts';
import { MemoryStore } from '#test/fakes/memory-store.ts';
import { ApiWorld } from '#test/support/api-world.ts';

async function aVolume() {
  const api = new ApiWorld();
  await api.create({ name: 'x', type: 'ephemeral' });
  const { volume } = await api.world.volume('x');
  return { table: api.world.table, volume };
}

describe('writes', () => {
  it('refuse what is not in the table of states, before anything is written', async () => {
    const { table, volume } = await aVolume();
    const purged = { ...volume, state: 'purged' } as const;
    expect(() => replace('volume', volume, purged)).toThrow(
      'A volume that is available cannot become purged.',
    );
    expect(() => remove('volume', volume)).toThrow('A volume that is available cannot become gone.');
    expect((await table.readVolume(volume.id))?.volume).toEqual(volume);
  });

  it('raise the integer revision, and lose to whoever was faster, naming what lost', async () => {
    const { table, volume } = await aVolume();
    await table.transact([replace('volume', volume, { ...volume, description: 'first' })]);
    const late = table.transact([replace('volume', volume, { ...volume, description: 'second' })]);
    await expect(late).rejects.toMatchObject({ code: 'Conflict', details: { about: { item: 'volume' } } });
    expect((await table.readVolume(volume.id))?.volume).toMatchObject({ description: 'first', revision: 2 });
  });

  it('refuse what is not of the item’s schema', async () => {
    const { volume } = await aVolume();
    const wrong = { ...volume, state: 'asleep' as 'deleted' };
    expect(() => create('volume', wrong)).toThrow(/asleep|Invalid/);
  });
});

describe('step claims (contract 8)', () => {
  const volumeId = 'vol-01ARZ3NDEKTSV4RRFFQ69G5FAV';
  const start = Date.parse('2026-11-23T12:00:00Z');
  const at = (seconds: number): Date => new Date(start + seconds * 1000);
  const step = (token: string, deadline: number): StepItem => ({
    volumeId,
    operationId: `op-${'0'.repeat(26)}`,
    step: 'attach',
    token,
    deadline: at(deadline).toISOString(),
  });

  it('stand until their deadline and 5 s, for everybody', async () => {
    const table = new Table(new MemoryStore());
    expect(await table.claimStep(step('a', 30), at(0))).toBe(true);
    expect(await table.claimStep(step('b', 60), at(1))).toBe(false);
    expect(await table.claimStep(step('a', 60), at(1))).toBe(false);
    expect(await table.claimStep(step('b', 60), at(35))).toBe(false);
    expect(await table.claimStep(step('b', 60), at(35.001))).toBe(true);
  });

  it('end with the change they were for, by their owner alone', async () => {
    const table = new Table(new MemoryStore());
    await table.claimStep(step('a', 30), at(0));
    await table.claimStep(step('b', 90), at(60));
    await expect(table.confirmStep(step('a', 30))).rejects.toMatchObject({ code: 'Conflict' });
    await table.confirmStep(step('b', 90));
    expect(await table.claimStep(step('c', 120), at(61))).toBe(true);
  });
});
