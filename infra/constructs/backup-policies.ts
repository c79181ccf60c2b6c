import { Duration } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Schedule, ScheduleExpression, ScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { Config } from '../config.ts';
import { describe } from '../permissions/ec2.ts';
import { startOperations } from '../permissions/operations.ts';
import { wildcardFinding } from '../permissions/permission.ts';
import { keepPolicies, listPolicyParts, scheduleGroupName, startRuns } from '../permissions/policies.ts';
import { hostQueuePrefix, sendToHosts } from '../permissions/queues.ts';
import { onTable } from '../permissions/table.ts';
import type { StorageStack } from '../stacks/storage.stack.ts';
import { acknowledge } from './acknowledge.ts';
import { BackupPolicyRun } from './policy-run.ts';
import type { AlarmContext } from './product-alarm.ts';
import { ProductFunction } from './product-function.ts';
import { DeadLetterQueue } from './work-queue.ts';

export interface BackupPoliciesProps {
  readonly config: Config;
  readonly storage: StorageStack;
  /** Works on the operations that a run begins. */
  readonly operations: IStateMachine;
  readonly alarmContext: AlarmContext;
}

/** What runs backup policies: ticks begin runs, runs begin backups and prune, and a watch says what is overdue. */
export class BackupPolicies extends Construct {
  readonly group: ScheduleGroup;
  readonly run: ProductFunction<'policy-run'>;
  readonly machine: BackupPolicyRun;
  readonly tick: ProductFunction<'policy-tick'>;
  readonly watch: ProductFunction<'watch-backups'>;
  /** Ticks and watches that could not be delivered or failed twice. */
  readonly deadLetters: DeadLetterQueue;
  /** What every schedule of a policy calls with. */
  readonly scheduleRole: Role;
  /** For functions that make and change schedules and alarms. */
  readonly keeperEnvironment;

  constructor(scope: Construct, id: string, props: BackupPoliciesProps) {
    super(scope, id);
    const { storage, alarmContext } = props;
    this.deadLetters = new DeadLetterQueue(this, 'DeadLetters');
    this.group = new ScheduleGroup(this, 'Schedules', { scheduleGroupName });
    this.run = this.runFunction(props);
    this.machine = new BackupPolicyRun(this, 'Run', { runFunction: this.run });
    this.tick = new ProductFunction(this, 'Tick', {
      name: 'policy-tick',
      environment: {
        TABLE_NAME: storage.table.tableName,
        RUN_MACHINE_ARN: this.machine.stateMachine.stateMachineArn,
      },
      permissions: [...onTable(storage), startRuns(this)],
      timeout: Duration.seconds(30),
      onFailure: this.deadLetters,
    });
    this.scheduleRole = this.roleOfSchedules();
    this.keeperEnvironment = {
      SCHEDULE_GROUP: scheduleGroupName,
      TICK_FUNCTION_ARN: this.tick.functionArn,
      SCHEDULE_ROLE_ARN: this.scheduleRole.roleArn,
      TICK_DEAD_LETTERS_ARN: this.deadLetters.queueArn,
      ALARM_TOPIC_ARN: alarmContext.topic.topicArn,
      RUNBOOK_URL: alarmContext.runbookUrl,
    };
    this.watch = this.watchFunction(storage);
    acknowledge(this.deadLetters, {
      'AwsSolutions-SQS3': 'It is where Scheduler and Lambda put what failed, which no redrive policy says.',
    });
  }

  private runFunction({ config, storage, operations }: BackupPoliciesProps): ProductFunction<'policy-run'> {
    return new ProductFunction(this, 'RunStep', {
      name: 'policy-run',
      environment: {
        TABLE_NAME: storage.table.tableName,
        STATE_MACHINE_ARN: operations.stateMachineArn,
        QUEUE_PREFIX: hostQueuePrefix,
        UNDO_WINDOW_HOURS: String(config.undoWindowHours),
        FILE_SYSTEM_ID: storage.files.fileSystemId,
        COPY_REGIONS: JSON.stringify(Object.keys(config.copyKeys)),
        COPY_VAULTS: JSON.stringify(config.copyVaults),
      },
      permissions: [
        ...onTable(storage),
        startOperations(this),
        sendToHosts(this),
        describe('DescribeInstances'),
      ],
      timeout: Duration.seconds(60),
    });
  }

  private watchFunction(storage: StorageStack): ProductFunction<'watch-backups'> {
    const watch = new ProductFunction(this, 'Watch', {
      name: 'watch-backups',
      environment: {
        TABLE_NAME: storage.table.tableName,
        RUN_MACHINE_ARN: this.machine.stateMachine.stateMachineArn,
        ...this.keeperEnvironment,
      },
      permissions: [
        ...onTable(storage),
        ...keepPolicies(this, this.scheduleRole),
        listPolicyParts(),
        startRuns(this),
      ],
      timeout: Duration.seconds(60),
      onFailure: this.deadLetters,
    });
    const role = new Role(this, 'WatchSchedulerRole', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com'),
    });
    new Schedule(this, 'EveryFiveMinutes', {
      description:
        'Hivemind Volumes: say which volumes have no good backup or no drill in time, and begin drills',
      schedule: ScheduleExpression.rate(Duration.minutes(5)),
      target: new LambdaInvoke(watch, {
        role,
        deadLetterQueue: this.deadLetters,
        // The next one is five minutes away.
        retryAttempts: 1,
        maxEventAge: Duration.minutes(2),
      }),
    });
    acknowledge(role, { [wildcardFinding(this, `${watch.functionArn}:*`)]: versions });
    return watch;
  }

  /** Schedules of policies are made at run time, so their role is made here. */
  private roleOfSchedules(): Role {
    const role = new Role(this, 'ScheduleRole', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com'),
    });
    this.tick.grantInvoke(role);
    this.deadLetters.grantSendMessages(role);
    acknowledge(role, { [wildcardFinding(this, `${this.tick.functionArn}:*`)]: versions });
    return role;
  }
}

const versions = 'The CDK grants the call of a function together with its versions; this one has none.';
