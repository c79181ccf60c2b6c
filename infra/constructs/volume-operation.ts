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

export interface VolumeOperationProps {
  readonly ebsWorker: IFunction;
  readonly efsWorker: IFunction;
  readonly backupWorker: IFunction;
}

/** Errors of the Lambda service itself: the worker has not begun. */
export const lambdaErrors = [
  'Lambda.ClientExecutionTimeoutException',
  'Lambda.ServiceException',
  'Lambda.AWSLambdaException',
  'Lambda.SdkClientException',
  'Lambda.TooManyRequestsException',
];

/** Executions' ARNs hold it, so those who start operations name it. */
export const operationMachineName = 'hivemind-volume-operation';

/** A worker that gives no answer for this long is taken for lost; longer than any function's own time-out. */
const workerTimeout = Duration.seconds(90);

/**
 * `VolumeOperation`: one execution per operation, `Worker -> outcome? -> Wait -> Worker …`.
 * A worker that dies is simply called again: it claims each step under a deadline (contract 8), so a repeat waits for
 * what may still run and then goes on. What this machine gives up on, the sweeper starts again.
 */
export class VolumeOperation extends Construct {
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, props: VolumeOperationProps) {
    super(scope, id);
    this.stateMachine = loggedMachine(this, {
      name: operationMachineName,
      definition: this.definition(props),
      // A final snapshot of a large volume takes hours; the sweeper starts the operation again after that.
      timeout: Duration.hours(6),
      functions: [props.ebsWorker, props.efsWorker, props.backupWorker],
    });
  }

  private definition({ ebsWorker, efsWorker, backupWorker }: VolumeOperationProps): Choice {
    const lost = new Fail(this, 'Worker lost', {
      error: 'WorkerLost',
      cause: 'The worker failed again and again; the sweeper starts the operation anew.',
    });
    const driver = new Choice(this, 'Driver?');
    const outcome = this.outcome(driver);
    const worker = (name: string, lambdaFunction: IFunction) =>
      this.worker(name, lambdaFunction, lost).next(outcome);
    const unknown = new Fail(this, 'Unknown driver', {
      error: 'UnknownDriver',
      cause: 'The input names no driver that this release has; see WorkerInput in shared/model/operation.ts.',
    });
    return driver
      .when(Condition.stringEquals('$.driver', 'ebs'), worker('EBS step', ebsWorker))
      .when(Condition.stringEquals('$.driver', 'efs'), worker('EFS step', efsWorker))
      .when(Condition.stringEquals('$.driver', 'backup'), worker('Backup step', backupWorker))
      .otherwise(unknown);
  }

  private worker(name: string, lambdaFunction: IFunction, lost: Fail): LambdaInvoke {
    const task = new LambdaInvoke(this, name, {
      lambdaFunction,
      outputPath: '$.Payload',
      taskTimeout: Timeout.duration(workerTimeout),
      retryOnServiceExceptions: false,
    });
    task
      .addRetry({
        errors: lambdaErrors,
        interval: Duration.seconds(1),
        backoffRate: 2,
        maxAttempts: 10,
        maxDelay: Duration.seconds(30),
        jitterStrategy: JitterType.FULL,
      })
      .addRetry({
        // TaskFailed is every error but a time-out: what a worker throws, and the end of its process.
        errors: [Errors.TASKS_FAILED, Errors.TIMEOUT],
        interval: Duration.seconds(2),
        backoffRate: 2,
        maxAttempts: 8,
        maxDelay: Duration.seconds(30),
        jitterStrategy: JitterType.FULL,
      })
      .addCatch(lost, { errors: [Errors.ALL] });
    return task;
  }

  /** What the worker's answer (WorkerOutput) leads to. */
  private outcome(again: Choice): Choice {
    const is = (value: string) => Condition.stringEquals('$.outcome', value);
    return new Choice(this, 'Outcome?')
      .when(is('continue'), again)
      .when(is('wait'), new Wait(this, 'Wait', { time: WaitTime.secondsPath('$.waitSeconds') }).next(again))
      .when(is('done'), new Succeed(this, 'Done'))
      .otherwise(
        new Fail(this, 'Failed', {
          error: 'OperationFailed',
          cause: 'The operation ended in a failure that its record in the table explains.',
        }),
      );
  }
}
