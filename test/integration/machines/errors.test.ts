import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  SFNClient,
  StartExecutionCommand,
  TestStateCommand,
} from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allCatches, allMachines, allRetries, type NamedError } from '#test/support/machine-errors.ts';
import { until } from '#test/support/until.ts';
import { startCloud, type TestCloud } from '../edge/cloud.ts';
import { as, makeFunction, makeRole } from '../edge/world.ts';

/*
 * Each Retry and each Catch of each state machine by each name in it: once told a mocked error through TestState, once carried
 * out with a function that really fails under that name. What there is comes from the synthesised template.
 */

const machines = allMachines();
const retries = allRetries(machines).map((one) => ({ ...one, name: one.machine.name }));
const catches = allCatches(machines).map((one) => ({ ...one, name: one.machine.name }));
const mostAttempts = 100;

let cloud: TestCloud;
let sfn: SFNClient;
let functionArn: string;
let role: string;
let notes: string;

beforeAll(async () => {
  notes = await mkdtemp(join(tmpdir(), 'hm-failures-'));
  cloud = await startCloud();
  cloud.apiId = 'none';
  // TestState would go to a host of its own, `sync-…`.
  sfn = new SFNClient({ ...as(cloud.aws), disableHostPrefix: true });
  const trusts = { Service: 'states.amazonaws.com' };
  role = (await makeRole(cloud.aws, 'states', { statements: [], trusts })).arn;
  functionArn = await makeFunction(cloud.aws, 'failing', { source: failing, statements: [] });
  // Waits between retries pass at once.
  const skip = { method: 'POST', body: JSON.stringify({ 'stepfunctions._SFN_WAIT_SCALE': 0 }) };
  const answer = await fetch(`http://127.0.0.1:${cloud.settings.ports.emulator}/_ministack/config`, skip);
  expect(answer.status).toBe(200);
});
afterAll(async () => {
  await cloud?.stop();
  await rm(notes, { recursive: true, force: true });
});

/** Fails so often under a name, counted in a file since an error ends its process; then it says that all is done. */
const failing = `
  import { appendFileSync, readFileSync } from 'node:fs';
  export const handler = async ({ failure }) => {
    appendFileSync(failure.file, '.');
    const calls = readFileSync(failure.file, 'utf8').length;
    if (calls > failure.times) return { outcome: 'done' };
    if (failure.name === 'States.Timeout') await new Promise((resolve) => setTimeout(resolve, 2_500));
    throw Object.assign(new Error('on purpose'), { name: failure.name });
  };
`;

async function tell({ machine, state }: NamedError, error: string, retrierRetryCount: number) {
  return sfn.send(
    new TestStateCommand({
      definition: JSON.stringify(machine.definition),
      stateName: state,
      roleArn: role,
      input: '{"driver":"ebs"}',
      inspectionLevel: 'DEBUG',
      mock: { errorOutput: { error, cause: 'mocked' } },
      stateConfiguration: { retrierRetryCount },
    }),
  );
}

describe('TestState', () => {
  test.each(retries)('$name, $state: $error is retried, and caught at last', async (retried) => {
    for (const count of [0, retried.attempts - 1]) {
      const answer = await tell(retried, retried.error, count);
      expect(answer).toMatchObject({ status: 'RETRIABLE', error: retried.error });
      expect(answer.inspectionData?.errorDetails).toMatchObject({ retryIndex: retried.index });
    }
    const caught = catches.find(({ name, state }) => name === retried.name && state === retried.state);
    const last = await tell(retried, retried.error, retried.attempts);
    expect(last).toMatchObject({ status: 'CAUGHT_ERROR', error: retried.error, nextState: caught?.next });
  });

  test.each(catches)('$name, $state: $error is caught', async (caught) => {
    const any = caught.error === 'States.ALL' ? 'SomethingElse' : caught.error;
    const answer = await tell(caught, any, mostAttempts);
    expect(answer).toMatchObject({ status: 'CAUGHT_ERROR', error: any, nextState: caught.next });
  });
});

let count = 0;

/** Executes the machine from the one state on, whose function fails so often under that name. */
async function execute({ machine, state }: NamedError, name: string, times: number) {
  const id = `failing-${count++}`;
  const failure = { name, times, file: join(notes, id) };
  const { stateMachineArn } = await sfn.send(
    new CreateStateMachineCommand({ name: id, roleArn: role, definition: definitionOf(machine, state) }),
  );
  const { executionArn } = await sfn.send(
    new StartExecutionCommand({ stateMachineArn, input: JSON.stringify({ failure }) }),
  );
  const ended = await until(`the execution of ${state} has ended`, async () => {
    const found = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    return found.status === 'RUNNING' ? undefined : found;
  });
  const { events = [] } = await sfn.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 }));
  const errors = events.flatMap(({ taskFailedEventDetails: failed }) => failed?.error ?? []);
  return { status: ended.status, error: ended.error, errors };
}

/** With the function in place of all others, begun at the state, and with a time-out that a test can wait for. */
function definitionOf({ definition }: NamedError['machine'], state: string): string {
  const { [state]: own, ...others } = definition.States;
  const States = { ...others, [state]: { ...own, TimeoutSeconds: 1 } };
  const text = JSON.stringify({ ...definition, StartAt: state, States });
  return text.replaceAll(/arn:aws:lambda:[^"]+:function:worker/g, functionArn);
}

/** What the state that the Catch leads to says. */
function endOf({ machine, next }: (typeof catches)[number]): unknown {
  return machine.definition.States[next]?.['Error'];
}

describe('a function that really fails', () => {
  test.each(retries)('$name, $state: under $error, once, is called again', async (retried) => {
    const ended = await execute(retried, retried.error, 1);
    expect(ended).toMatchObject({ status: 'SUCCEEDED', errors: [retried.error] });
  });

  const firsts = retries.filter(
    ({ name, state, index }, at) =>
      retries.findIndex((one) => one.name === name && one.state === state && one.index === index) === at,
  );
  test.each(firsts.filter(({ error }) => error !== 'States.Timeout'))(
    '$name, $state: under $error, always, is given up after $attempts repeats, and caught',
    async (retried) => {
      const caught = catches.find(({ name, state }) => name === retried.name && state === retried.state);
      const ended = await execute(retried, retried.error, mostAttempts);
      expect(ended.errors).toEqual(Array.from({ length: retried.attempts + 1 }, () => retried.error));
      expect(ended).toMatchObject({ status: 'FAILED', error: caught && endOf(caught) });
    },
  );
});
