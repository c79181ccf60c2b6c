import { describe, expect, it } from 'vitest';
import type { Container } from '#agent/host/docker.ts';
import { withinDocker } from '#agent/plugin/deadline.ts';
import { createHolds } from '#agent/reconcile/holds.ts';
import { createKnowledge } from '#agent/reconcile/knowledge.ts';
import { createRunner } from '#agent/reconcile/runner.ts';
import { assignmentOf } from './builders.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the runner', () => {
  it('runs the jobs of one volume one after another, in their order, also after a failure', async () => {
    const runner = createRunner();
    const seen: string[] = [];
    const job = (name: string) => async () => {
      seen.push(`${name} begins`);
      await turn();
      seen.push(`${name} ends`);
    };
    const failing = runner.run('data', 'mount', () => Promise.reject(new TypeError('no')));
    const [first, second] = [runner.run('data', 'mount', job('a')), runner.run('data', 'mount', job('b'))];
    await expect(failing).rejects.toThrow('no');
    await Promise.all([first, second]);
    expect(seen).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
    expect(runner.isBusy('data')).toBe(false);
  });

  it('runs different volumes side by side and names them', async () => {
    const runner = createRunner(() => 7);
    const gate = Promise.withResolvers<void>();
    const jobs = ['a', 'b'].map((key) => runner.run(key, 'mount', () => gate.promise));
    await turn();
    expect(runner.running()).toEqual([
      { key: 'a', what: 'mount', since: 7 },
      { key: 'b', what: 'mount', since: 7 },
    ]);
    gate.resolve();
    await Promise.all(jobs);
    expect(runner.running()).toEqual([]);
  });

  it('begins nothing after stop, tells what runs, and waits for it', async () => {
    const runner = createRunner();
    let ended = false;
    const running = runner.run('data', 'mount', async (signal) => {
      while (!signal.aborted) await turn();
      ended = true;
    });
    const waiting = runner.run('data', 'mount', () => Promise.resolve());
    const refused = waiting.catch((error: unknown) => error);
    await turn();
    await runner.stop();
    expect(ended).toBe(true);
    await running;
    expect(await refused).toMatchObject({ code: 'Unavailable' });
  });
});

describe('a hold', () => {
  const container = (name: string): Container => ({ id: '1', name, state: 'created', volumes: ['data'] });
  const at = (seconds: number) => {
    let now = 0;
    const holds = createHolds({ holdSeconds: 600, now: () => now });
    holds.add('data', 'id');
    now = seconds * 1000;
    return holds;
  };
  it('bridges the time until the container shows', () => {
    expect(at(0).isHeld('data', [])).toBe(true);
    expect(at(59).isHeld('data', [])).toBe(true);
    expect(at(599).isHeld('data', [container('slow')])).toBe(true);
    expect(at(599).isHeld('data', undefined)).toBe(true);
  });
  it('ends with its Unmount, with its time, or when Docker knows no such container', () => {
    const holds = at(1);
    holds.release('data', 'id');
    expect(holds.isHeld('data', [])).toBe(false);
    expect(at(601).isHeld('data', [container('slow')])).toBe(false);
    expect(at(61).isHeld('data', [])).toBe(false);
  });
  it('does not end with somebody else’s Unmount', () => {
    const holds = at(1);
    holds.release('data', 'another');
    expect(holds.isHeld('data', [])).toBe(true);
  });
  it('survives a restart by what was saved', () => {
    let saved = {};
    createHolds({ holdSeconds: 600, now: () => 0, save: (holds) => void (saved = holds) }).add('data', 'id');
    expect(createHolds({ holdSeconds: 600, now: () => 1, saved }).isHeld('data', [])).toBe(true);
  });
});

describe('knowledge', () => {
  it('loses an assignment by a sync only, and not by one that was asked before it was learnt', () => {
    const knowledge = createKnowledge();
    const mark = knowledge.mark();
    const claimed = assignmentOf({ epoch: 2 });
    knowledge.learn(claimed);
    knowledge.replace({ assignments: [] }, mark);
    expect(knowledge.byName('data')).toEqual(claimed);
    knowledge.replace({ assignments: [] }, knowledge.mark());
    expect(knowledge.byName('data')).toBeUndefined();
  });
  it('keeps the newer word of two', () => {
    const knowledge = createKnowledge();
    const mark = knowledge.mark();
    knowledge.learn(assignmentOf({ epoch: 3 }));
    knowledge.replace({ assignments: [assignmentOf({ epoch: 2 })] }, mark);
    expect(knowledge.byName('data')?.epoch).toBe(3);
  });
  it('means the volume that stays where two have had the name', () => {
    const knowledge = createKnowledge();
    const leaving = assignmentOf({ volumeId: 'vol-01JD0000000000000000000001', desired: 'detached' });
    const staying = assignmentOf();
    knowledge.learn(leaving);
    knowledge.learn(staying);
    expect(knowledge.byName('data')).toEqual(staying);
  });
});

describe('Docker’s patience', () => {
  it('ends with an answer that says so, while the work goes on', async () => {
    const gate = Promise.withResolvers<string>();
    await expect(
      withinDocker(gate.promise, 1, 'Volume "data" is still being attached.'),
    ).rejects.toMatchObject({
      code: 'TimedOut',
      message: 'Volume "data" is still being attached.',
      details: { hint: 'The work goes on: try again in a moment.' },
    });
    gate.resolve('/v/data');
    expect(await withinDocker(gate.promise, 1000, 'late')).toBe('/v/data');
  });
});
