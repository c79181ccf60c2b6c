import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Permission } from './permission.ts';

/** Hosts' queues are called this plus the host's id; no other queue of ours begins so. */
export const hostQueuePrefix = 'hivemind-host-';

function hostQueues(scope: Construct) {
  return {
    resources: [Stack.of(scope).formatArn({ service: 'sqs', resource: `${hostQueuePrefix}i-*` })],
    wildcard: 'Each host has a queue of its own, made when it registers and named after its instance id.',
  };
}

/** To wake hosts. */
export function sendToHosts(scope: Construct): Permission {
  return { sid: 'WakeHosts', actions: ['sqs:SendMessage'], ...hostQueues(scope) };
}

/** To remove the queue of a host that was terminated. */
export function removeHostQueues(scope: Construct): Permission {
  return { sid: 'RemoveHostQueues', actions: ['sqs:DeleteQueue'], ...hostQueues(scope) };
}

/** To make the queue of a host that registers, with the policy that lets this host alone receive. */
export function makeHostQueues(scope: Construct): Permission {
  return {
    sid: 'HostQueues',
    actions: [
      'sqs:CreateQueue',
      'sqs:SetQueueAttributes',
      'sqs:TagQueue',
      'sqs:GetQueueUrl',
      'sqs:GetQueueAttributes',
    ],
    ...hostQueues(scope),
  };
}
