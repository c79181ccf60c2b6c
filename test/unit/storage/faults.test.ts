import { expect, test } from 'vitest';
import { type Fault, Faults, faultSchema } from '#local/storage/faults.ts';

const subject = { service: 'ec2', action: 'CreateVolume', appId: 'volumes', ids: ['vol-1'] };
const armed = (...faults: Partial<Fault>[]): Faults => {
  const made = new Faults();
  made.set(faults.map((fault, i) => faultSchema.parse({ id: String(i), kind: 'throttle', ...fault })));
  return made;
};
const struck = (faults: Faults, times: number, about = subject): boolean[] =>
  Array.from({ length: times }, () => faults.strike(about).length > 0);

test('a fault spares the first calls and ends after its times', () => {
  expect(struck(armed({ after: 1, times: 2 }), 5)).toEqual([false, true, true, false, false]);
});

test('the same seed gives the same faults, another one others', () => {
  const run = (seed: number): boolean[] => struck(armed({ probability: 0.5, seed }), 64);
  expect(run(7)).toEqual(run(7));
  expect(run(7)).not.toEqual(run(8));
  expect(run(7).filter(Boolean).length).toBeGreaterThan(16);
});

test.for<[string, Partial<Fault>, boolean]>([
  ['its action', { action: 'CreateVolume' }, true],
  ['another action', { action: 'DeleteVolume' }, false],
  ['its service', { service: 'ec2' }, true],
  ['another service', { service: 'efs' }, false],
  ['its caller', { appId: 'volumes' }, true],
  ['another caller', { appId: 'hosts' }, false],
  ['its resource', { resourceId: 'vol-1' }, true],
  ['another resource', { resourceId: 'vol-2' }, false],
  ['a kind that means nothing for the call', { kind: 'stuck-attach' }, false],
  ['a kind for reads', { kind: 'stale-reads' }, false],
])('%s', ([, fault, expected]) => {
  expect(struck(armed(fault), 1)).toEqual([expected]);
});

test('what was injected is counted per fault', () => {
  const faults = armed({ times: 1 }, { kind: 'latency' });
  struck(faults, 3);
  expect(faults.list().map(({ seen, injected }) => [seen, injected])).toEqual([
    [3, 1],
    [3, 3],
  ]);
});

test('a call that is refused uses up no fault of its effect, and one refusal', () => {
  const faults = armed(
    { kind: 'reset-after-commit' },
    { kind: 'throttle', times: 1 },
    { kind: 'internal-error', times: 1 },
    { kind: 'latency' },
  );
  const kinds = () => faults.strike(subject).map(({ kind }) => kind);
  expect([kinds(), kinds(), kinds()]).toEqual([
    ['latency', 'throttle'],
    ['latency', 'internal-error'],
    ['latency', 'reset-after-commit'],
  ]);
  expect(faults.list().map(({ injected }) => injected)).toEqual([1, 1, 1, 3]);
});
