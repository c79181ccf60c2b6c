import { FakeRecoveryPoints } from '#test/fakes/fake-recovery-points.ts';
import { farRegion, recoveryPointsContract } from '#test/support/recovery-points-contract.ts';

recoveryPointsContract('the fake', () => {
  let now = Date.parse('2026-11-23T12:00:00Z');
  const clock = () => new Date(now);
  const regions = new Map<string, FakeRecoveryPoints>();
  const others = (to: string) => regions.get(to);
  const points = new FakeRecoveryPoints({ clock, others });
  const far = new FakeRecoveryPoints({ clock, others, region: farRegion });
  regions.set('us-east-1', points).set(farRegion, far);
  return Promise.resolve({
    points,
    far,
    pass: () => Promise.resolve(void (now += 5_000)),
    makeDirectory: (path) => Promise.resolve(void points.directories.add(path)),
    listRoot: () =>
      Promise.resolve(
        [...points.directories].flatMap((path) => (/^\/[^/]+$/.test(path) ? path.slice(1) : [])),
      ),
    hasDirectory: (path) => Promise.resolve(points.directories.has(path)),
  });
});
