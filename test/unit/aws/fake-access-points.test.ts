import { accessPointsContract } from '#test/support/access-points-contract.ts';
import { FakeAccessPoints } from '#test/fakes/fake-access-points.ts';

accessPointsContract('the fake', () => {
  let now = 0;
  const points = new FakeAccessPoints({ clock: () => new Date(now) });
  return Promise.resolve({ points, pass: () => Promise.resolve(void (now += 500)) });
});
