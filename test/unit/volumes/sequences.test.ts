import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { transitions } from '#shared/model/states.ts';
import { SequenceWorld, names } from './support/sequence-world.ts';

const name = fc.constantFrom(...names);
const host = fc.constantFrom(0, 1);
const rarely = fc.integer({ min: 0, max: 4 }).map((n) => n === 0);

type Command = (world: SequenceWorld) => Promise<unknown>;
interface Named {
  readonly say: string;
  readonly run: Command;
}
const named = (say: string, run: Command): Named => ({ say, run });

const command: fc.Arbitrary<Named> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(name, fc.option(fc.constantFrom('k1', 'k2'), { nil: undefined }))
      .map(([n, key]) => named(`create ${n} ${key ?? ''}`, (w) => w.create(n, key))),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(name, host, rarely)
      .map(([n, h, f]) => named(`attach ${n} ${h} ${f}`, (w) => w.attach(n, h, f))),
  },
  {
    weight: 5,
    arbitrary: fc.tuple(name, host).map(([n, h]) => named(`mount ${n} ${h}`, (w) => w.mount(n, h))),
  },
  { weight: 3, arbitrary: host.map((h) => named(`unmount ${h}`, (w) => w.unmount(h))) },
  {
    weight: 2,
    arbitrary: fc.tuple(name, rarely).map(([n, f]) => named(`detach ${n} ${f}`, (w) => w.detach(n, f))),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(name, fc.constantFrom('', 'force=true', 'purge=true'))
      .map(([n, q]) => named(`delete ${n} ${q}`, (w) => w.remove(n, q))),
  },
  { weight: 2, arbitrary: name.map((n) => named(`undelete ${n}`, (w) => w.undelete(n))) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(host, fc.boolean())
      .map(([h, up]) => named(`power ${h} ${up}`, (w) => w.power(h, up))),
  },
  { weight: 10, arbitrary: fc.constant(named('work', (w) => w.work())) },
  { weight: 8, arbitrary: fc.constant(named('work on', (w) => w.workOn(6))) },
  { weight: 2, arbitrary: fc.constant(named('sweep', (w) => w.sweep())) },
  {
    weight: 5,
    arbitrary: fc
      .constantFrom(1, 5, 40, 120, 700, 90_000)
      .map((s) => named(`pass ${s}`, (w) => Promise.resolve(w.api.world.pass(s)))),
  },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom('crash-before', 'crash-after', 'lost-answer', 'throttle')
      .map((f) => named(`table ${f}`, (w) => Promise.resolve(w.fail('table', f as 'throttle')))),
  },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom(
        'throttle',
        'unavailable',
        'lost-answer',
        'drop',
        'error',
        'stuck',
        'crash-before',
        'crash-after',
      )
      .map((f) => named(`aws ${f}`, (w) => Promise.resolve(w.fail('aws', f as 'throttle')))),
  },
);

const seenEver = new Set<string>();

describe('no sequence of calls, crashes and retries', () => {
  test.prop([fc.array(command, { minLength: 10, maxLength: 60, size: 'max' })], { numRuns: 400 })(
    'leaves the table of states, doubles or loses a volume, or lets two hosts write',
    async (commands) => {
      const world = new SequenceWorld();
      await world.begin();
      for (const { say, run } of commands) {
        await run(world);
        expect([say, await world.check()]).toEqual([say, []]);
      }
      await world.power(0, true);
      await world.power(1, true);
      await world.settle();
      expect(await world.checkQuiet()).toEqual([]);
      for (const step of world.store.seen) seenEver.add(step);
    },
  );

  it('and the sequences went through most of the table', () => {
    const possible = Object.entries(transitions).flatMap(([from, tos]) => tos.map((to) => `${from} > ${to}`));
    const reached = possible.filter((step) => seenEver.has(step));
    expect(reached.length).toBeGreaterThan(possible.length / 2);
  });
});
