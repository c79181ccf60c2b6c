import {
  ConflictException,
  CreateScheduleCommand,
  DeleteScheduleCommand,
  ListSchedulesCommand,
  ResourceNotFoundException,
  SchedulerClient,
  ThrottlingException,
  UpdateScheduleCommand,
} from '@aws-sdk/client-scheduler';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { SchedulerSchedules } from '#shared/aws/policies/scheduler-schedules.ts';

const client = new SchedulerClient({ region: 'us-east-1' });
const mock = mockClient(client);
const settings = {
  group: 'hivemind-policies',
  tickFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:hivemind-policy-tick',
  roleArn: 'arn:aws:iam::000000000000:role/schedules',
  deadLettersArn: 'arn:aws:sqs:us-east-1:000000000000:dead',
};
const schedules = new SchedulerSchedules(settings, client);
const policyId = 'pol-01J0000000000000000000000P';
const schedule = {
  policyId,
  expression: 'cron(0 2 * * ? *)',
  timezone: 'Europe/Berlin',
  enabled: true,
  description: 'nightly',
};
const input = {
  GroupName: 'hivemind-policies',
  Name: policyId,
  Description: 'nightly',
  ScheduleExpression: 'cron(0 2 * * ? *)',
  ScheduleExpressionTimezone: 'Europe/Berlin',
  State: 'ENABLED',
  FlexibleTimeWindow: { Mode: 'OFF' },
  Target: {
    Arn: settings.tickFunctionArn,
    RoleArn: settings.roleArn,
    Input: `{"policyId":"${policyId}","scheduledAt":"<aws.scheduler.scheduled-time>"}`,
    DeadLetterConfig: { Arn: settings.deadLettersArn },
    RetryPolicy: { MaximumRetryAttempts: 20, MaximumEventAgeInSeconds: 3_600 },
  },
};
const because = { $metadata: { httpStatusCode: 400 }, Message: 'no', message: 'no' };

beforeEach(() => void mock.reset());

describe('a schedule', () => {
  it('that is missing is made, in the policy’s zone, for the function that begins runs', async () => {
    mock.on(UpdateScheduleCommand).rejects(new ResourceNotFoundException(because));
    mock.on(CreateScheduleCommand).resolves({});
    await schedules.put(schedule);
    expect(mock.commandCalls(CreateScheduleCommand)[0]?.args[0].input).toEqual(input);
  });

  it('that is there is changed', async () => {
    mock.on(UpdateScheduleCommand).resolves({});
    await schedules.put({ ...schedule, enabled: false });
    expect(mock.commandCalls(UpdateScheduleCommand)[0]?.args[0].input).toEqual({
      ...input,
      State: 'DISABLED',
    });
    expect(mock.commandCalls(CreateScheduleCommand)).toEqual([]);
  });

  it('whose making was not heard of is changed after all', async () => {
    mock.on(UpdateScheduleCommand).rejectsOnce(new ResourceNotFoundException(because)).resolves({});
    mock.on(CreateScheduleCommand).rejects(new ConflictException(because));
    await schedules.put(schedule);
    expect(mock.commandCalls(UpdateScheduleCommand)).toHaveLength(2);
  });

  it('that is gone is removed', async () => {
    mock.on(DeleteScheduleCommand).rejects(new ResourceNotFoundException(because));
    await schedules.remove(policyId);
    expect(mock.commandCalls(DeleteScheduleCommand)[0]?.args[0].input).toEqual({
      GroupName: 'hivemind-policies',
      Name: policyId,
    });
  });

  it('that AWS refuses for now is an error that passes', async () => {
    mock.on(UpdateScheduleCommand).rejects(new ThrottlingException(because));
    await expect(schedules.put(schedule)).rejects.toMatchObject({ code: 'Throttled' });
  });
});

it('all are listed, page after page; a token that comes back ends the list', async () => {
  mock
    .on(ListSchedulesCommand)
    .resolvesOnce({ Schedules: [{ Name: 'pol-1', State: 'ENABLED' }], NextToken: 'a' })
    .resolves({ Schedules: [{ Name: 'pol-2', State: 'DISABLED' }], NextToken: 'a' });
  expect([...(await schedules.list())]).toEqual([
    ['pol-1', true],
    ['pol-2', false],
  ]);
});
