import { FakeRecoveryPoints } from '#test/fakes/fake-recovery-points.ts';
import { recoveryPointsContract } from '#test/support/recovery-points-contract.ts';

recoveryPointsContract('the fake', () => {
  let now = Date.parse('2026-11-23T12:00:00Z');
  const points = new FakeRecoveryPoints({ clock: () => new Date(now) });
  return Promise.resolve({
    points,
    pass: () => Promise.resolve(void (now += 5_000)),
    makeDirectory: (path) => Promise.resolve(void points.directories.add(path)),
    listRoot: () =>
      Promise.resolve(
        [...points.directories].flatMap((path) => (/^\/[^/]+$/.test(path) ? path.slice(1) : [])),
      ),
    hasDirectory: (path) => Promise.resolve(points.directories.has(path)),
  });
});
