import { describe, expect, it } from 'vitest';
import { ProductError } from '#shared/model/errors.ts';
import { persist, persistentApi } from '#agent/link/persistent.ts';
import { until } from '#test/support/until.ts';

type Calls = Parameters<typeof persistentApi>[0];

const names = [
  'release',
  'reportTask',
  'signExportParts',
  'completeExport',
  'importSource',
  'manifest',
  'grantRepository',
] as const satisfies readonly (keyof Calls)[];

/** Answers each call with its errors, one after the other, and then with `answered`; counts. */
function api(...errors: ProductError[]): { readonly calls: Calls; readonly count: () => number } {
  let count = 0;
  const call = (): Promise<never> => {
    const error = errors[count++];
    return error === undefined ? Promise.resolve('answered' as never) : Promise.reject(error);
  };
  const calls = Object.fromEntries(['cut', ...names].map((name) => [name, call])) as unknown as Calls;
  return { calls, count: () => count };
}

const crashed = new ProductError('Internal', 'The API answered 500.');
const gone = new ProductError('OperationNotFound', 'It is not wanted any more.');

/** Tries follow each other at once. */
const quick = { firstMs: 1 };

const outcome = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);

describe.each(names)('%s', (name) => {
  const call = ({ calls }: ReturnType<typeof api>, patience = {}): Promise<unknown> => {
    const persistent: Record<string, (...args: never[]) => Promise<unknown>> = {
      ...persistentApi(calls, { ...quick, ...patience }),
    };
    return persistent[name]?.() ?? Promise.reject(new ProductError('Internal', name));
  };

  it('is repeated while the control plane does not answer', async () => {
    const world = api(crashed, crashed);
    expect(await outcome(call(world))).not.toBeInstanceOf(Error);
    expect(world.count()).toBe(3);
  });

  it('is repeated for longer than a few times, as a mended network takes minutes', async () => {
    const world = api(...Array.from({ length: 9 }, () => crashed));
    expect(await outcome(call(world))).not.toBeInstanceOf(Error);
    expect(world.count()).toBe(10);
  });

  it('is given up when its time is over', async () => {
    const world = api(crashed, crashed);
    expect(await outcome(call(world, { forMs: 0 }))).toBe(crashed);
    expect(world.count()).toBe(1);
  });

  it('takes no for an answer', async () => {
    const world = api(gone);
    expect(await outcome(call(world))).toBe(gone);
    expect(world.count()).toBe(1);
  });
});

it('has reported what the control plane has forgotten when it is told again', async () => {
  const world = api(crashed, gone);
  expect(
    await outcome(persistentApi(world.calls, quick).reportTask('op', { outcome: 'done' })),
  ).toBeUndefined();
  expect(world.count()).toBe(2);
});

it('waits no longer when the agent stops', async () => {
  const stopping = new AbortController();
  const world = api(...Array.from({ length: 1_000 }, () => crashed));
  const ended = outcome(persistentApi(world.calls, { signal: stopping.signal }).importSource('op'));
  await until('it was tried again', () => world.count() > 1);
  stopping.abort();
  expect(await ended).toMatchObject({ name: 'AbortError' });
});

it('is a matter of five tries where nothing else is said, as for Docker, which waits for it', async () => {
  const world = api(...Array.from({ length: 9 }, () => crashed));
  expect(await outcome(persist(() => world.calls.importSource('op'), quick))).toBe(crashed);
  expect(world.count()).toBe(5);
});

it('asks once for a cut, for the filesystem is frozen meanwhile', async () => {
  const world = api(crashed);
  expect(await outcome(persistentApi(world.calls, quick).cut('op', 1))).toBe(crashed);
  expect(world.count()).toBe(1);
});
