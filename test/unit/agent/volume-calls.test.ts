import { describe, expect, it } from 'vitest';
import type { VolumesApi } from '#agent/link/api.ts';
import { silentLog } from '#agent/log.ts';
import { createVolumeCalls } from '#agent/plugin/volumes.ts';
import type { Engine } from '#agent/reconcile/engine.ts';
import { createHolds } from '#agent/reconcile/holds.ts';
import { createRunner } from '#agent/reconcile/runner.ts';
import { ProductError, type ErrorCode } from '#shared/model/errors.ts';
import type { Volume } from '#shared/model/volume.ts';
import { assignmentOf } from './builders.ts';

const volume = {
  id: 'vol-1',
  name: 'data',
  state: 'available',
  type: 'local',
  driver: 'ebs',
  hosts: [],
} as unknown as Volume;
const fail = (code: ErrorCode) => () => Promise.reject(new ProductError(code, `${code} as told`));

/** The calls over an API and an engine of which only the given parts answer. */
function callsOver(api: Partial<VolumesApi>, engine: Partial<Engine> = {}, withinMs = 50) {
  const holds = createHolds({ holdSeconds: 600 });
  const refuse = fail('Internal');
  const calls = createVolumeCalls({
    api: { create: refuse, get: refuse, list: refuse, remove: refuse, ...api },
    engine: {
      serve: refuse,
      retire: refuse,
      sweep: refuse,
      mountpoint: () => Promise.resolve(undefined),
      volumes: () => [],
      observe: refuse,
      ...engine,
    },
    holds,
    runner: createRunner(),
    log: silentLog,
    limits: { longMs: withinMs, shortMs: withinMs },
  });
  return { calls, holds };
}

/** Answers one after another; the last one for good. */
const inTurn = <T>(...answers: readonly T[]): (() => Promise<T>) => {
  let next = 0;
  return () => Promise.resolve(answers[Math.min(next++, answers.length - 1)] as T);
};
const done = (): Promise<void> => Promise.resolve();

describe('Create', () => {
  it('waits until the volume is there', async () => {
    const { calls } = callsOver({ create: done, get: inTurn<Volume | undefined>(undefined, volume) });
    await expect(calls.create('data', {})).rejects.toMatchObject({ code: 'TimedOut' });
    await expect(
      callsOver({ create: done, get: inTurn(volume) }).calls.create('data', {}),
    ).resolves.toBeUndefined();
  });
  it('says why AWS could not make it', async () => {
    const failed = { ...volume, state: 'failed', reason: 'the key is disabled' } as Volume;
    const { calls } = callsOver({ create: done, get: inTurn(failed) });
    await expect(calls.create('data', {})).rejects.toThrow(/could not be created: the key is disabled/);
  });
  it('without options means the volume of that name; with other ones it is a conflict', async () => {
    const { calls } = callsOver({ create: fail('NameTaken'), get: inTurn(volume) });
    await calls.create('data', {});
    await expect(calls.create('data', { size: '2G' })).rejects.toMatchObject({ code: 'NameTaken' });
  });
});

/** Not answered the first time; then it is. */
function lostOnce(answer: () => Promise<void> = done): { call: () => Promise<void>; calls: () => number } {
  let calls = 0;
  const call = () => (++calls === 1 ? fail('TimedOut')() : answer());
  return { call, calls: () => calls };
}

describe('a call that the API does not answer is made again', () => {
  it('by Create, as Docker does not', async () => {
    const create = lostOnce();
    const { calls } = callsOver({ create: create.call, get: inTurn(volume) }, {}, 10_000);
    await calls.create('data', {});
    expect(create.calls()).toBe(2);
  });
  it('by Remove, unless the name has gone to another volume meanwhile', async () => {
    const other = { ...volume, id: 'vol-2' } as Volume;
    for (const [after, times] of [
      [volume, 2],
      [other, 1],
    ] as const) {
      const remove = lostOnce();
      const api = { remove: remove.call, get: inTurn(volume, volume, after, undefined) };
      await callsOver(api, { retire: done }, 10_000).calls.remove('data');
      expect(remove.calls()).toBe(times);
    }
  });
});

describe('Get, List and Path', () => {
  const here: Partial<Engine> = {
    mountpoint: (name) => Promise.resolve(name === 'data' ? '/v/data' : undefined),
    volumes: () => [assignmentOf()],
  };
  it('tell what the API and the kernel know', async () => {
    const { calls } = callsOver(
      { get: inTurn(volume), list: inTurn([volume, { ...volume, name: 'other' }]) },
      here,
    );
    expect(await calls.get('data')).toMatchObject({
      Name: 'data',
      Mountpoint: '/v/data',
      Status: { state: 'available' },
    });
    expect((await calls.list()).map(({ Name, Mountpoint }) => [Name, Mountpoint])).toEqual([
      ['data', '/v/data'],
      ['other', ''],
    ]);
  });
  it('tell what is mounted while the API is away, and refuse the rest', async () => {
    const { calls } = callsOver({ get: fail('Unavailable'), list: fail('TimedOut') }, here);
    expect(await calls.get('data')).toEqual({ Name: 'data', Mountpoint: '/v/data' });
    expect(await calls.list()).toEqual([{ Name: 'data', Mountpoint: '/v/data' }]);
    await expect(calls.get('other')).rejects.toMatchObject({ code: 'Unavailable' });
  });
  it('answer in time although the kernel does not, and so does Path', async () => {
    const mountpoint = (): Promise<never> => new Promise(() => undefined);
    const { calls } = callsOver({ get: inTurn(volume) }, { mountpoint });
    await expect(calls.get('data')).rejects.toMatchObject({ code: 'TimedOut' });
    await expect(calls.path('data')).rejects.toMatchObject({
      code: 'TimedOut',
      message: 'Where volume "data" is mounted could not be told in time.',
    });
  });
  it('do not find what is not there', async () => {
    await expect(callsOver({ get: inTurn(undefined) }).calls.get('none')).rejects.toMatchObject({
      code: 'VolumeNotFound',
    });
  });
});

describe('Mount and Unmount', () => {
  it('hold the volume from before the Mount to the Unmount', async () => {
    const { calls, holds } = callsOver({}, { serve: inTurn('/v/data'), retire: done });
    expect(await calls.mount('data', 'id')).toBe('/v/data');
    expect(holds.isHeld('data', [])).toBe(true);
    await calls.unmount('data', 'id');
    expect(holds.isHeld('data', [])).toBe(false);
  });
  it('answer in time while the work goes on, and hold nothing for nobody', async () => {
    const gate = Promise.withResolvers<string>();
    const { calls, holds } = callsOver({}, { serve: () => gate.promise });
    await expect(calls.mount('data', 'id')).rejects.toMatchObject({
      code: 'TimedOut',
      message: 'Volume "data" is still being attached or formatted.',
    });
    expect(holds.isHeld('data', [])).toBe(false);
    gate.resolve('/v/data');
    expect(await calls.mount('data', 'id')).toBe('/v/data');
  });
  it.each<ErrorCode>(['VolumeBusy', 'Unavailable'])(
    'leave to the sweep what cannot be unmounted now: %s',
    async (code) => {
      await expect(
        callsOver({}, { retire: fail(code) }).calls.unmount('data', 'id'),
      ).resolves.toBeUndefined();
    },
  );
});

describe('Remove', () => {
  const retire = { retire: done };
  it('is done when the name is free', async () => {
    const { calls } = callsOver({ remove: done, get: inTurn<Volume | undefined>(volume, undefined) }, retire);
    await expect(calls.remove('data')).resolves.toBeUndefined();
  });
  it('is done when the name is another volume’s', async () => {
    const { calls } = callsOver({ remove: done, get: inTurn(volume, { ...volume, id: 'vol-2' }) }, retire);
    await expect(calls.remove('data')).resolves.toBeUndefined();
  });
  it('leaves a volume alone that has got the name while the old one was unmounted', async () => {
    let removed = 0;
    const remove = (): Promise<void> => Promise.resolve(void removed++);
    const { calls } = callsOver({ remove, get: inTurn(volume, { ...volume, id: 'vol-2' }) }, retire);
    await calls.remove('data');
    expect(removed).toBe(0);
  });
  it('takes already gone as done', async () => {
    await expect(callsOver({ get: inTurn(undefined) }).calls.remove('data')).resolves.toBeUndefined();
  });
  it('says so when the volume came back', async () => {
    const { calls } = callsOver(
      { remove: done, get: inTurn(volume, { ...volume, state: 'attached' } as Volume) },
      retire,
    );
    await expect(calls.remove('data')).rejects.toMatchObject({ code: 'VolumeBusy' });
  });
  it('answers in time while the detach goes on', async () => {
    const deleting = { ...volume, state: 'deleting' } as Volume;
    const { calls } = callsOver({ remove: done, get: inTurn(volume, deleting) }, retire);
    await expect(calls.remove('data')).rejects.toMatchObject({ code: 'TimedOut' });
  });
});
