import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ProductError } from '#shared/model/errors.ts';
import { persistentApi } from '#agent/link/persistent.ts';

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

beforeEach(() => {
  vi.useFakeTimers();
  return () => vi.useRealTimers();
});

async function outcome(work: Promise<unknown>): Promise<unknown> {
  const ended = work.catch((error: unknown) => error);
  await vi.runAllTimersAsync();
  return ended;
}

describe.each(names)('%s', (name) => {
  const call = ({ calls }: ReturnType<typeof api>): Promise<unknown> => {
    const persistent: Record<string, (...args: never[]) => Promise<unknown>> = { ...persistentApi(calls) };
    return persistent[name]?.() ?? Promise.reject(new ProductError('Internal', name));
  };

  it('is repeated while the control plane does not answer', async () => {
    const world = api(crashed, crashed);
    expect(await outcome(call(world))).not.toBeInstanceOf(Error);
    expect(world.count()).toBe(3);
  });

  it('is given up after five tries', async () => {
    const world = api(...Array.from({ length: 9 }, () => crashed));
    expect(await outcome(call(world))).toBe(crashed);
    expect(world.count()).toBe(5);
  });

  it('takes no for an answer', async () => {
    const world = api(gone);
    expect(await outcome(call(world))).toBe(gone);
    expect(world.count()).toBe(1);
  });
});

it('has reported what the control plane has forgotten when it is told again', async () => {
  const world = api(crashed, gone);
  expect(await outcome(persistentApi(world.calls).reportTask('op', { outcome: 'done' }))).toBeUndefined();
  expect(world.count()).toBe(2);
});

it('asks once for a cut, for the filesystem is frozen meanwhile', async () => {
  const world = api(crashed);
  expect(await outcome(persistentApi(world.calls).cut('op', 1))).toBe(crashed);
  expect(world.count()).toBe(1);
});
