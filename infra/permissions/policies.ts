import { ArnFormat, Stack } from 'aws-cdk-lib';
import type { IRole } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { policyAlarmPrefix } from '#shared/model/metrics.ts';
import { runMachineName } from '../constructs/policy-run.ts';
import type { Permission } from './permission.ts';

/** Policies' schedules are in this group, and nothing else is. */
export const scheduleGroupName = 'hivemind-policies';

function statesArn(scope: Construct, resource: string, resourceName: string): string {
  const arnFormat = ArnFormat.COLON_RESOURCE_NAME;
  return Stack.of(scope).formatArn({ service: 'states', resource, resourceName, arnFormat });
}

export function startRuns(scope: Construct): Permission {
  return {
    sid: 'StartRuns',
    actions: ['states:StartExecution'],
    resources: [statesArn(scope, 'stateMachine', runMachineName)],
  };
}

/** To see whether a run has an execution: the sweeper's alone. */
export function seeRuns(scope: Construct): Permission {
  return {
    sid: 'SeeRuns',
    actions: ['states:DescribeExecution'],
    resources: [statesArn(scope, 'execution', `${runMachineName}:*`)],
    wildcard: 'Executions are named after runs; the machine is named.',
  };
}

/** To make, change and remove policies' schedules and alarms: those alone. */
export function keepPolicies(scope: Construct, scheduleRole: IRole): Permission[] {
  const schedules = Stack.of(scope).formatArn({
    service: 'scheduler',
    resource: 'schedule',
    resourceName: `${scheduleGroupName}/pol-*`,
  });
  const alarms = Stack.of(scope).formatArn({
    service: 'cloudwatch',
    resource: 'alarm',
    resourceName: `${policyAlarmPrefix}pol-*`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
  return [
    {
      sid: 'KeepSchedules',
      actions: ['scheduler:CreateSchedule', 'scheduler:UpdateSchedule', 'scheduler:DeleteSchedule'],
      resources: [schedules],
      wildcard: 'Schedules are named after policies, which come and go; their group is named.',
    },
    {
      sid: 'GiveRoleToSchedules',
      actions: ['iam:PassRole'],
      resources: [scheduleRole.roleArn],
      conditions: { StringEquals: { 'iam:PassedToService': 'scheduler.amazonaws.com' } },
    },
    {
      sid: 'KeepAlarms',
      actions: ['cloudwatch:PutMetricAlarm', 'cloudwatch:TagResource', 'cloudwatch:DeleteAlarms'],
      resources: [alarms],
      wildcard: 'Alarms are named after policies, which come and go; the prefix is theirs alone.',
    },
  ];
}

/** To find a policy whose schedule or alarm is missing: for who watches alone. */
export function listPolicyParts(): Permission {
  return {
    sid: 'ListPolicyParts',
    actions: ['scheduler:ListSchedules', 'cloudwatch:DescribeAlarms'],
    resources: ['*'],
    wildcard: 'Lists know no resources.',
  };
}
