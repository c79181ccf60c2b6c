import { Duration } from 'aws-cdk-lib';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import {
  Choice,
  Condition,
  Errors,
  Fail,
  JitterType,
  Succeed,
  Timeout,
  Wait,
  WaitTime,
} from 'aws-cdk-lib/aws-stepfunctions';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { Construct } from 'constructs';
import { loggedMachine } from './logged-machine.ts';
import { lambdaErrors } from './volume-operation.ts';

export interface BackupPolicyRunProps {
  readonly runFunction: IFunction;
}

/** Executions' ARNs hold it, so those who start runs name it. */
export const runMachineName = 'hivemind-backup-policy-run';

/** Longer than the function's own time-out. */
const stepTimeout = Duration.seconds(90);

/** How a refusal that passes is repeated, by the error's name; see functions/policies/run-errors.ts. */
const refusals = [
  // Another execution of the run wrote first: look again at once.
  { errors: ['Conflict'], interval: 1, maxAttempts: 20 },
  // The table or Lambda takes no more: ever longer, spread out.
  { errors: ['Throttled', ...lambdaErrors], interval: 2, maxAttempts: 20 },
  // TaskFailed is every error but a time-out.
  { errors: [Errors.TASKS_FAILED, Errors.TIMEOUT], interval: 2, maxAttempts: 8 },
];

/**
 * `BackupPolicyRun`: one execution per run of a policy, `Step -> outcome? -> Wait -> Step …`. A step works on a page of
 * volumes and leaves in the table where it is, so that the state is two words however many volumes there are, and the
 * number of events grows with pages: about 20,000 for 10,000 volumes in the worst case.
 */
export class BackupPolicyRun extends Construct {
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, { runFunction }: BackupPolicyRunProps) {
    super(scope, id);
    this.stateMachine = loggedMachine(this, {
      name: runMachineName,
      definition: this.definition(runFunction),
      // The run itself gives up after 20 hours, and then still has to be settled and pruned.
      timeout: Duration.hours(24),
      functions: [runFunction],
    });
  }

  private definition(runFunction: IFunction): LambdaInvoke {
    const step = new LambdaInvoke(this, 'Step', {
      lambdaFunction: runFunction,
      outputPath: '$.Payload',
      taskTimeout: Timeout.duration(stepTimeout),
      retryOnServiceExceptions: false,
    });
    for (const { errors, interval, maxAttempts } of refusals)
      step.addRetry({
        errors,
        interval: Duration.seconds(interval),
        backoffRate: 2,
        maxAttempts,
        maxDelay: Duration.seconds(30),
        jitterStrategy: JitterType.FULL,
      });
    step.addCatch(
      new Fail(this, 'Step lost', {
        error: 'StepLost',
        cause: 'A step failed again and again; the sweeper starts the run anew where it is.',
      }),
      { errors: [Errors.ALL] },
    );
    step.next(this.outcome(step));
    return step;
  }

  /** What the step's answer (RunOutput) leads to. */
  private outcome(step: LambdaInvoke): Choice {
    const is = (value: string) => Condition.stringEquals('$.outcome', value);
    return new Choice(this, 'Outcome?')
      .when(is('continue'), step)
      .when(is('wait'), new Wait(this, 'Wait', { time: WaitTime.secondsPath('$.waitSeconds') }).next(step))
      .when(is('done'), new Succeed(this, 'Done'))
      .otherwise(
        new Fail(this, 'Failed', {
          error: 'RunFailed',
          cause:
            'At least one volume has no backup of this run, or no copy of it, that it should have; its record names it.',
        }),
      );
  }
}
