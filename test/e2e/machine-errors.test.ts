import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Operation } from '#shared/model/operation.ts';
import type { Policy, PolicyRun } from '#shared/model/policy.ts';
import { allMachines, allRetries } from '#test/support/machine-errors.ts';
import { until } from '#test/support/until.ts';
import type { FaultSwitch } from './harness/admin.ts';
import { joinCloud } from './harness/cloud.ts';
import { TestExecutions } from './harness/executions.ts';
import type { TestHost } from './harness/host.ts';
import { sweep } from './harness/sweep.ts';

/*
 * The product's own functions really fail under their state machines: killed, or refused by the table. Each task's Retry repeats
 * them; each Catch ends the execution, and the next sweep finishes the work.
 */

const cloud = joinCloud();
const executions = new TestExecutions(cloud.file);
const [used, policy] = [cloud.unique('failing'), cloud.unique('failing-policy')];
let host: TestHost;
let policyId: string;

beforeAll(async () => {
  host = await cloud.addHost('failing');
  await cloud.hivemind('volume', 'create', used, '--size', '1G', '--labels', `policy=${policy}`);
  await host.once(used, 'sh', '-c', 'echo kept >/data/file');
  const when = ['--schedule', '0 2 1 1 *', '--selector', `policy=${policy}`, '--keep-last', '1'];
  const made = await cloud.hivemindJson<Policy>('backup', 'policy', 'create', '--name', policy, ...when);
  policyId = made.id;
});
afterAll(async () => {
  await cloud.edge.clearFaults();
  await cloud.attemptHivemind(['backup', 'policy', 'delete', policy, '--yes']);
  await cloud.close();
});

const begin = async (...args: string[]): Promise<string> =>
  (await cloud.hivemindJson<Operation>(...args, '--no-wait')).id;
const create = (...args: string[]): Promise<string> =>
  begin('volume', 'create', cloud.unique('failing-new'), ...args);

interface Task {
  /** Its function. */
  readonly functionName: string;
  /** Begins an execution that comes to this task; its name. */
  readonly begin: () => Promise<string>;
  readonly ended: (id: string) => Promise<string>;
}

const operationEnd = async (id: string): Promise<string> => {
  const params = { namespace: 'default', operation: id };
  return (await cloud.api.call('getOperation', { params })).body.status;
};
const runEnd = async (run: string): Promise<string> => {
  const params = { namespace: 'default', policy, run };
  return (await cloud.api.call('getPolicyRun', { params })).body.state;
};

/** How each task is reached, by machine and state. */
const tasks: Readonly<Record<string, Task>> = {
  'hivemind-volume-operation/EBS step': {
    functionName: 'ebs-worker',
    begin: () => create('--size', '1G', '--zone', 'us-east-1a'),
    ended: operationEnd,
  },
  'hivemind-volume-operation/EFS step': {
    functionName: 'efs-worker',
    begin: () => create('--type', 'network'),
    ended: operationEnd,
  },
  'hivemind-volume-operation/Backup step': {
    functionName: 'backup-worker',
    begin: () => begin('volume', 'backup', used),
    ended: operationEnd,
  },
  'hivemind-backup-policy-run/Step': {
    functionName: 'policy-run',
    begin: async () => (await cloud.hivemindJson<PolicyRun>('backup', 'policy', 'run', policy)).id,
    ended: runEnd,
  },
};

const retries = allRetries(allMachines());
const placeOf = ({ machine, state }: (typeof retries)[number]): string => `${machine.name}/${state}`;

test('every state that retries is made to fail here', () => {
  expect(Object.keys(tasks).toSorted()).toEqual([...new Set(retries.map(placeOf))].toSorted());
});

/** Kills the function before its first write, whoever called it: other executions of the machine must not use up the kills. */
const killing = ({ functionName }: Task): FaultSwitch => ({
  id: 'killed',
  kind: 'kill-before',
  service: 'dynamodb',
  action: 'TransactWriteItems',
  functionName,
});
const killed = 'Runtime.ExitError';

async function finished({ ended }: Task, id: string): Promise<void> {
  await until(
    `${id} is done`,
    async () => {
      await sweep(cloud.file);
      return (await ended(id)) === 'succeeded';
    },
    { within: 180_000, every: 2_000 },
  );
}

const machineOf = (place: string): string => place.split('/')[0] ?? '';

describe.each(Object.entries(tasks))('%s', (place, task) => {
  test('a function that is killed is called again by the same execution', async () => {
    await cloud.edge.setFaults([killing(task)]);
    const id = await task.begin();
    await executions.failed(machineOf(place), id);
    await cloud.edge.clearFaults();
    const ended = await executions.ended(machineOf(place), id);
    expect(ended.status).toBe('SUCCEEDED');
    expect(new Set(ended.failures)).toEqual(new Set([killed]));
    expect(await task.ended(id)).toBe('succeeded');
  });

  test('a function that is always killed is given up after its repeats, and caught; a sweep finishes the work', async () => {
    const own = retries.find((one) => placeOf(one) === place && one.error === 'States.TaskFailed');
    const attempts = 1 + (own?.attempts ?? 0);
    await cloud.edge.setFaults([killing(task)]);
    const id = await executions.hurrying(async () => {
      const begun = await task.begin();
      const ended = await executions.ended(machineOf(place), begun);
      expect(ended).toMatchObject({ status: 'FAILED', error: expect.stringMatching(/^(Worker|Step)Lost$/) });
      expect(ended.failures).toEqual(Array.from({ length: attempts }, () => killed));
      return begun;
    });
    await cloud.edge.clearFaults();
    await finished(task, id);
    await executions.wentOn(machineOf(place), id);
  });
});

describe('a step of a run that the table refuses is repeated by the name of the refusal', () => {
  // So often the SDK asks when it is throttled, and so often our own store when others write.
  test.each([
    ['Throttled', 'throttle', 4],
    ['Conflict', 'transaction-conflict', 6],
  ])('%s', async (name, kind, times) => {
    const where = { service: 'dynamodb', action: 'TransactWriteItems', functionName: 'policy-run' };
    // The item of a run of this policy; what is refused of one volume is that volume's matter.
    const about = ['"sk":{"S":"RUN#', policyId.slice('pol-'.length)];
    await cloud.edge.setFaults([{ id: 'refused', kind, ...where, about, times }]);
    const task = tasks['hivemind-backup-policy-run/Step'] as Task;
    const id = await task.begin();
    const ended = await executions.ended('hivemind-backup-policy-run', id);
    expect(ended).toMatchObject({ status: 'SUCCEEDED', failures: [name] });
    await cloud.edge.clearFaults();
  });
});
