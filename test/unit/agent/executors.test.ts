import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Driver } from '#agent/drivers/driver.ts';
import type { HostApi } from '#agent/link/api.ts';
import { silentLog } from '#agent/log.ts';
import { createExecutors } from '#agent/reconcile/executors.ts';
import { createHolds } from '#agent/reconcile/holds.ts';
import { createKnowledge } from '#agent/reconcile/knowledge.ts';
import { openRecords } from '#agent/reconcile/records.ts';
import { ProductError } from '#shared/model/errors.ts';
import { assignmentOf } from './builders.ts';
import { fakeMounts } from './fakes.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hivemind-executors-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

/** Executors over an API whose answers to a clear are as told; `done` is what happened, in its order. */
async function executorsOver(clear: () => Promise<void>) {
  const done: string[] = [];
  const uses: string[] = [];
  const refuse = () => Promise.reject(new ProductError('Internal', 'not part of this test'));
  const api = {
    async setLease(_: string, { epoch, inUse, use }: { epoch: number; inUse: boolean; use?: string }) {
      if (inUse && use !== undefined) uses.push(use);
      done.push(`${inUse ? 'set' : 'clear'} ${uses.indexOf(use ?? '')}`);
      if (!inUse) await clear();
      return { epoch, inUse, filesystem: assignmentOf().filesystem };
    },
  } as unknown as HostApi;
  const driver: Driver = {
    name: 'ebs',
    stage: ({ assignment }) => {
      done.push('stage');
      return Promise.resolve(assignment);
    },
    dataPath: ({ path }) => path,
    unstage: refuse,
    isFree: () => Promise.resolve(true),
    fence: refuse,
    device: () => Promise.resolve(undefined),
  };
  const knowledge = createKnowledge();
  const executors = createExecutors({
    api,
    log: silentLog,
    knowledge,
    records: await openRecords(dir, 'boot'),
    holds: createHolds({ holdSeconds: 600 }),
    places: { bootId: 'boot', stages: join(dir, 'mounts'), volumes: join(dir, 'volumes') },
    drivers: { ebs: driver, efs: driver, bind: driver, tmpfs: driver },
    mounts: fakeMounts(),
    users: { of: () => Promise.resolve([]) },
    docker: { containers: () => Promise.resolve([]) },
    nextSync: () => Promise.resolve(),
    requestSync: () => undefined,
    markFenced: () => undefined,
  });
  return { executors, knowledge, done };
}

const assignment = assignmentOf({ inUse: true });
const { signal } = new AbortController();

describe('a new use', () => {
  it('is another one than that of a clear whose answer was lost, and begins under a lease set anew', async () => {
    const lost = () => Promise.reject(new ProductError('TimedOut', 'The API did not answer in time.'));
    const { executors, knowledge, done } = await executorsOver(lost);
    const known = () => knowledge.byId(assignment.volumeId) ?? assignment;
    await executors.setInUse({ kind: 'setInUse', assignment }, signal);
    await executors.stage({ kind: 'stage', assignment: known() }, signal);
    await expect(executors.clearInUse({ kind: 'clearInUse', assignment: known() }, signal)).rejects.toThrow(
      /did not answer/,
    );
    await executors.stage({ kind: 'stage', assignment: known() }, signal);
    await executors.stage({ kind: 'stage', assignment: known() }, signal);
    expect(done).toEqual(['set 0', 'stage', 'clear 0', 'set 1', 'stage', 'stage']);
  });

  it('of an agent that was killed meanwhile begins so, too', async () => {
    const { executors, done } = await executorsOver(() => Promise.resolve());
    const told = { ...assignment, use: randomUUID() };
    await executors.stage({ kind: 'stage', assignment: told }, signal);
    expect(done).toEqual(['set 0', 'stage']);
  });
});
