import {
  CreateScheduleCommand,
  DeleteScheduleCommand,
  ListSchedulesCommand,
  SchedulerClient,
  UpdateScheduleCommand,
  type CreateScheduleCommandInput,
} from '@aws-sdk/client-scheduler';
import { doing, unlessCode } from '../ec2/calls.ts';
import type { PolicySchedule, Schedules } from './schedules.ts';

export interface SchedulerSettings {
  readonly group: string;
  /** The function that begins a run. */
  readonly tickFunctionArn: string;
  /** Scheduler's own role, which may call that function. */
  readonly roleArn: string;
  /** Where ticks go that could not be delivered. */
  readonly deadLettersArn: string;
}

/** A tick that is later than this begins no run any more: the next one is near, and the overdue alarm watches. */
const maxEventAge = 3_600;

/** Schedules in EventBridge Scheduler, all in one group of ours. */
export class SchedulerSchedules implements Schedules {
  readonly #settings: SchedulerSettings;
  readonly #client: SchedulerClient;

  constructor(settings: SchedulerSettings, client: SchedulerClient = schedulerClient()) {
    this.#settings = settings;
    this.#client = client;
  }

  async put(schedule: PolicySchedule): Promise<void> {
    const input = this.#inputOf(schedule);
    const missing = await unlessCode(['ResourceNotFoundException'], 'change a schedule', () =>
      this.#client.send(new UpdateScheduleCommand(input)),
    );
    if (missing === undefined) return;
    const taken = await unlessCode(['ConflictException'], 'make a schedule', () =>
      this.#client.send(new CreateScheduleCommand(input)),
    );
    // Made by a call before whose answer was lost.
    if (taken !== undefined)
      await doing('change a schedule', () => this.#client.send(new UpdateScheduleCommand(input)));
  }

  async remove(policyId: string): Promise<void> {
    const named = { GroupName: this.#settings.group, Name: policyId };
    await unlessCode(['ResourceNotFoundException'], 'remove a schedule', () =>
      this.#client.send(new DeleteScheduleCommand(named)),
    );
  }

  async list(): Promise<ReadonlyMap<string, boolean>> {
    const found = new Map<string, boolean>();
    for (let NextToken: string | undefined; ;) {
      const page = await doing('list schedules', () =>
        this.#client.send(
          new ListSchedulesCommand({ GroupName: this.#settings.group, MaxResults: 100, NextToken }),
        ),
      );
      for (const { Name, State } of page.Schedules ?? [])
        if (Name !== undefined) found.set(Name, State !== 'DISABLED');
      // An emulator may answer with the token that it was given: that is no further page.
      if (page.NextToken === undefined || page.NextToken === NextToken) return found;
      NextToken = page.NextToken;
    }
  }

  #inputOf({
    policyId,
    expression,
    timezone,
    enabled,
    description,
  }: PolicySchedule): CreateScheduleCommandInput {
    const { group, tickFunctionArn, roleArn, deadLettersArn } = this.#settings;
    return {
      GroupName: group,
      Name: policyId,
      Description: description.slice(0, 512),
      ScheduleExpression: expression,
      ScheduleExpressionTimezone: timezone,
      State: enabled ? 'ENABLED' : 'DISABLED',
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: {
        Arn: tickFunctionArn,
        RoleArn: roleArn,
        Input: JSON.stringify({ policyId, scheduledAt: '<aws.scheduler.scheduled-time>' }),
        DeadLetterConfig: { Arn: deadLettersArn },
        RetryPolicy: { MaximumRetryAttempts: 20, MaximumEventAgeInSeconds: maxEventAge },
      },
    };
  }
}

function schedulerClient(): SchedulerClient {
  const requestHandler = { connectionTimeout: 2_000, requestTimeout: 5_000, throwOnRequestTimeout: true };
  return new SchedulerClient({ maxAttempts: 3, requestHandler });
}
