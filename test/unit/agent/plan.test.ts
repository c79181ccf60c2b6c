import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { planServe, planSettle, type VolumeView } from '#agent/reconcile/plan.ts';
import { assignmentOf, viewOf } from './builders.ts';

const assignment = assignmentOf();
const mountedAs = assignmentOf({ inUse: true });
const served = viewOf({ assignment: mountedAs, mountedAs, staged: true, published: true });

describe('planServe', () => {
  it.each<[string, Partial<VolumeView>, string | undefined]>([
    ['claims what nobody has told it of', {}, 'claim'],
    ['claims anew in each run, for only a fresh word may lead to a mount', { assignment }, 'claim'],
    ['waits for AWS', { assignment: assignmentOf({ actual: 'attaching' }), fresh: true }, 'awaitAttached'],
    ['sets the lease before it mounts', { assignment, fresh: true }, 'setInUse'],
    ['mounts under the lease', { assignment: mountedAs, fresh: true }, 'stage'],
    ['explains a mount it has no record of', { assignment: mountedAs, fresh: true, staged: true }, 'stage'],
    [
      'ends a stage that a crash cut short',
      { assignment: mountedAs, mountedAs, fresh: true, staged: true, prepared: false },
      'stage',
    ],
    ['publishes', { assignment: mountedAs, mountedAs, fresh: true, staged: true }, 'publish'],
    ['has nothing to do when it shows', served, undefined],
    ['serves what shows while the API is away', { ...served, linked: false }, undefined],
    [
      'publishes what is staged while the API is away',
      { ...served, linked: false, published: false },
      'publish',
    ],
    [
      'asks once more before it gives a mount up',
      { ...served, assignment: assignmentOf({ epoch: 9 }) },
      'setInUse',
    ],
    [
      'fences what another host has now',
      { ...served, assignment: assignmentOf({ epoch: 9 }), refused: true, heldAt: '/m' },
      'fence',
    ],
  ])('%s', (_, view, kind) => {
    expect(planServe(viewOf(view))?.kind).toBe(kind);
  });

  it('reports the first mount before it publishes', () => {
    const filesystem = {
      state: 'formatted',
      type: 'ext4',
      uuid: crypto.randomUUID(),
      mounted: false,
    } as const;
    const told = assignmentOf({ inUse: true, filesystem });
    const view = viewOf({ assignment: told, mountedAs: told, fresh: true, staged: true });
    expect(planServe(view)).toEqual({ kind: 'reportMounted', assignment: told, uuid: filesystem.uuid });
  });
});

describe('planSettle', () => {
  const idle = { ...served, idle: true };
  const gone = { assignment: mountedAs, mountedAs, staged: false, published: false };
  it.each<[string, Partial<VolumeView>, string | undefined]>([
    ['keeps what is used', { ...idle, used: true }, undefined],
    ['keeps what is not idle for long', served, undefined],
    ['keeps everything while the API is away', { ...idle, linked: false }, undefined],
    ['hides an idle volume first', idle, 'unpublish'],
    ['then unmounts it', { ...idle, published: false }, 'unstage'],
    ['clears the lease when the device is free', { ...gone, free: true }, 'clearInUse'],
    ['keeps the lease while something holds the device', gone, undefined],
    ['hands back what is asked for', { assignment: assignmentOf({ desired: 'detached' }) }, 'release'],
    [
      'does not wait to hand back',
      { ...served, assignment: { ...mountedAs, desired: 'detached' } },
      'unpublish',
    ],
    ['forgets what it has nothing to do with any more', { mountedAs, free: true }, 'forget'],
    ['keeps in mind what something may still hold', { mountedAs }, undefined],
    ['sets a lease again that the control plane lost', { ...served, assignment }, 'setInUse'],
    [
      'does not begin a use of what is asked back',
      { ...served, assignment: assignmentOf({ desired: 'detached' }) },
      'unpublish',
    ],
    ['asks before it fences', { ...served, assignment: undefined }, 'setInUse'],
    ['fences after a refusal', { ...served, assignment: undefined, refused: true, heldAt: '/m' }, 'fence'],
    [
      'unmounts after the fence',
      { ...served, assignment: undefined, refused: true, heldAt: '/m', fenced: true },
      'unpublish',
    ],
    [
      'fences what only another namespace has',
      { ...gone, assignment: undefined, refused: true, heldAt: '/proc/7/root/x' },
      'fence',
    ],
  ])('%s', (_, view, kind) => {
    expect(planSettle(viewOf(view))?.kind).toBe(kind);
  });

  it('reports a first mount that a crash kept back, before it unmounts', () => {
    const filesystem = {
      state: 'formatted',
      type: 'ext4',
      uuid: crypto.randomUUID(),
      mounted: false,
    } as const;
    const told = assignmentOf({ inUse: true, filesystem });
    expect(planSettle(viewOf({ ...idle, assignment: told, mountedAs: told }))?.kind).toBe('reportMounted');
  });

  it('never fences what many hosts share', () => {
    const shared = assignmentOf({ driver: 'efs', type: 'network', filesystem: { state: 'none' } });
    const view = viewOf({ mountedAs: shared, staged: true, published: true, refused: true, heldAt: '/m' });
    expect(planSettle(view)?.kind).toBe('unpublish');
  });
});

const anyView = fc
  .record({
    assigned: fc.option(
      fc.record({
        epoch: fc.integer({ min: 1, max: 2 }),
        desired: fc.constantFrom('attached' as const, 'detached' as const),
        actual: fc.constantFrom('attaching' as const, 'attached' as const),
        inUse: fc.boolean(),
      }),
    ),
    mounted: fc.option(fc.record({ epoch: fc.integer({ min: 1, max: 2 }) })),
    flags: fc.record({
      linked: fc.boolean(),
      fresh: fc.boolean(),
      staged: fc.boolean(),
      published: fc.boolean(),
      used: fc.boolean(),
      free: fc.boolean(),
      idle: fc.boolean(),
      refused: fc.boolean(),
      fenced: fc.boolean(),
    }),
  })
  .map(({ assigned, mounted, flags }) =>
    viewOf({
      ...flags,
      assignment: assigned === null ? undefined : assignmentOf(assigned),
      mountedAs: mounted === null ? undefined : assignmentOf({ ...mounted, inUse: true }),
      heldAt: flags.staged ? '/stage' : undefined,
      free: flags.free && !flags.staged,
    }),
  );

describe('whatever it sees, the planner', () => {
  test.prop([anyView])('never mounts without a fresh word and the lease', (view) => {
    const step = planServe(view);
    if (step?.kind !== 'stage') return;
    expect(view).toMatchObject({ fresh: true, assignment: { inUse: true, actual: 'attached' } });
  });
  test.prop([anyView])('never clears a lease of what is mounted or held', (view) => {
    if (planSettle(view)?.kind !== 'clearInUse') return;
    expect(view).toMatchObject({ staged: false, published: false, free: true, linked: true });
  });
  test.prop([anyView])('never unmounts what is used, unless another host has it', (view) => {
    const step = planSettle(view);
    if (step?.kind !== 'unstage' && step?.kind !== 'unpublish') return;
    expect(view.used && !view.refused).toBe(false);
  });
  test.prop([anyView])('never fences without a refusal', (view) => {
    for (const step of [planServe(view), planSettle(view)]) {
      if (step?.kind === 'fence') expect(view.refused).toBe(true);
    }
  });
});
