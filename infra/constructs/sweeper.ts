import { Duration } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Schedule, ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { Config } from '../config.ts';
import { removeManifests } from '../permissions/archive.ts';
import { removeCopies } from '../permissions/copies.ts';
import { describe, removeSnapshots } from '../permissions/ec2.ts';
import { seeAccessPoints } from '../permissions/efs.ts';
import { wildcardFinding } from '../permissions/permission.ts';
import { seeOperations, startOperations } from '../permissions/operations.ts';
import { sweepRecoveryPoints } from '../permissions/recovery-points.ts';
import { seeRuns, startRuns } from '../permissions/policies.ts';
import { hostQueuePrefix, removeHostQueues } from '../permissions/queues.ts';
import { onTable, onWorkIndex } from '../permissions/table.ts';
import type { StorageStack } from '../stacks/storage.stack.ts';
import { acknowledge } from './acknowledge.ts';
import { ProductFunction } from './product-function.ts';
import { DeadLetterQueue } from './work-queue.ts';

export interface SweeperProps {
  readonly config: Config;
  readonly storage: StorageStack;
  readonly stateMachine: IStateMachine;
  /** Carries out runs of policies. */
  readonly runMachine: IStateMachine;
}

/** Finishes what a crash left: a function that is called every minute. */
export class Sweeper extends Construct {
  readonly sweep: ProductFunction<'sweeper'>;
  /** Calls that Scheduler could not make and sweeps that failed twice. */
  readonly deadLetters: DeadLetterQueue;

  constructor(scope: Construct, id: string, { config, storage, stateMachine, runMachine }: SweeperProps) {
    super(scope, id);
    this.deadLetters = new DeadLetterQueue(this, 'DeadLetters');
    this.sweep = new ProductFunction(this, 'Function', {
      name: 'sweeper',
      environment: {
        TABLE_NAME: storage.table.tableName,
        STATE_MACHINE_ARN: stateMachine.stateMachineArn,
        RUN_MACHINE_ARN: runMachine.stateMachineArn,
        QUEUE_PREFIX: hostQueuePrefix,
        FILE_SYSTEM_ID: storage.files.fileSystemId,
        ARCHIVE_BUCKET_NAME: storage.archive.bucketName,
        FILE_SYSTEM_ARN: storage.files.fileSystemArn,
        BACKUP_VAULT_NAME: storage.recovery.vaultName,
        COPY_REGIONS: JSON.stringify(Object.keys(config.copyKeys)),
        COPY_VAULTS: JSON.stringify(config.copyVaults),
      },
      permissions: [
        ...onTable(storage),
        onWorkIndex(storage),
        startOperations(this),
        seeOperations(this),
        startRuns(this),
        seeRuns(this),
        describe('DescribeVolumes', 'DescribeSnapshots'),
        ...seeAccessPoints(this, storage.files),
        ...sweepRecoveryPoints(this, storage.recovery),
        removeHostQueues(this),
        removeSnapshots(this),
        ...removeManifests(storage),
        ...removeCopies(this, config.copyKeys),
      ],
      timeout: Duration.seconds(55),
      onFailure: this.deadLetters,
    });
    const role = new Role(this, 'SchedulerRole', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com'),
    });
    new Schedule(this, 'EveryMinute', {
      description: 'Hivemind Volumes: finish what a crash left',
      schedule: ScheduleExpression.rate(Duration.minutes(1)),
      target: new LambdaInvoke(this.sweep, {
        role,
        deadLetterQueue: this.deadLetters,
        // The next minute calls again anyway.
        retryAttempts: 0,
        maxEventAge: Duration.minutes(1),
      }),
    });
    this.acknowledgeFindings(role);
  }

  private acknowledgeFindings(role: Role): void {
    acknowledge(role, {
      [wildcardFinding(this, `${this.sweep.functionArn}:*`)]:
        'The CDK grants the call of a function together with its versions; this one has none.',
    });
    acknowledge(this.deadLetters, {
      'AwsSolutions-SQS3': 'It is where Scheduler and Lambda put what failed, which no redrive policy says.',
    });
  }
}
