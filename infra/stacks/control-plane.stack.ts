import { Stack } from 'aws-cdk-lib';
import type { StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Config } from '../config.ts';
import { AlarmTopic } from '../constructs/alarm-topic.ts';
import { ApiFunctions } from '../constructs/api-functions.ts';
import { BackupPolicies } from '../constructs/backup-policies.ts';
import { ControlPlaneAlarms } from '../constructs/control-plane-alarms.ts';
import { HostEvents } from '../constructs/host-events.ts';
import { HostIdentity, instanceProfileName } from '../constructs/host-identity.ts';
import { VolumesHttpApi, output } from '../constructs/http-api.ts';
import { PeoplePolicies } from '../constructs/people-policies.ts';
import type { AlarmContext } from '../constructs/product-alarm.ts';
import { Sweeper } from '../constructs/sweeper.ts';
import { VolumeOperation } from '../constructs/volume-operation.ts';
import { Workers } from '../constructs/workers.ts';
import type { StorageStack } from './storage.stack.ts';

export interface ControlPlaneStackProps extends StackProps {
  readonly config: Config;
  readonly storage: StorageStack;
}

/** What decides and works: API, functions, workflow, schedules, and the roles of hosts and people. Holds no data. */
export class ControlPlaneStack extends Stack {
  readonly api: VolumesHttpApi;
  readonly hosts: HostIdentity;
  readonly operation: VolumeOperation;
  readonly workers: Workers;
  readonly policies: BackupPolicies;
  readonly functions: ApiFunctions;
  readonly sweeper: Sweeper;
  readonly hostEvents: HostEvents;
  readonly people: PeoplePolicies;
  readonly alarmContext: AlarmContext;
  readonly alarms: ControlPlaneAlarms;

  constructor(scope: Construct, id: string, { config, storage, ...props }: ControlPlaneStackProps) {
    super(scope, id, { description: 'Hivemind Volumes: API, functions, workflow and roles', ...props });
    this.hosts = new HostIdentity(this, 'Hosts');
    this.workers = new Workers(this, 'Workers', { config, storage });
    this.operation = new VolumeOperation(this, 'VolumeOperation', this.workers);
    const { stateMachine } = this.operation;
    const topic = new AlarmTopic(this, 'AlarmTopic', { key: storage.dataKey, email: config.alarmEmail });
    this.alarmContext = { topic, runbookUrl: config.runbookUrl };
    const { alarmContext } = this;
    this.policies = new BackupPolicies(this, 'Policies', {
      config,
      storage,
      operations: stateMachine,
      alarmContext,
    });
    const runMachine = this.policies.machine.stateMachine;
    this.functions = new ApiFunctions(this, 'Functions', {
      config,
      storage,
      stateMachine,
      hostRole: this.hosts.role,
      policies: this.policies,
    });
    this.sweeper = new Sweeper(this, 'Sweeper', { config, storage, stateMachine, runMachine });
    this.hostEvents = new HostEvents(this, 'HostEvents', { storage });
    this.api = new VolumesHttpApi(this, 'Api', this.functions);
    this.hosts.allow(this.api, storage.files);
    this.people = new PeoplePolicies(this, 'People', { api: this.api });
    this.alarms = new ControlPlaneAlarms(this, 'Alarms', { watched: this, context: alarmContext });
    this.addOutputs();
  }

  private addOutputs(): void {
    const outputs = {
      ApiEndpoint: this.api.endpoint,
      ApiId: this.api.api.apiId,
      HostRoleArn: this.hosts.role.roleArn,
      HostRoleId: this.hosts.role.roleId,
      HostRoleName: this.hosts.role.roleName,
      InstanceProfileName: instanceProfileName,
      StateMachineArn: this.operation.stateMachine.stateMachineArn,
      AdminPolicyArn: this.people.admin.managedPolicyArn,
      ReadOnlyPolicyArn: this.people.readOnly.managedPolicyArn,
      IdempotencyTableName: this.hostEvents.idempotency.tableName,
      AlarmTopicArn: this.alarmContext.topic.topicArn,
      HostEventsQueueUrl: this.hostEvents.work.queue.queueUrl,
    };
    for (const [name, value] of Object.entries(outputs)) output(this, name, value);
  }
}
