import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, BillingMode, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import { Rule } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Construct } from 'constructs';
import { hostQueuePrefix, sendToHosts } from '../permissions/queues.ts';
import type { Permission } from '../permissions/permission.ts';
import { onTable } from '../permissions/table.ts';
import type { StorageStack } from '../stacks/storage.stack.ts';
import { ProductFunction } from './product-function.ts';
import { WorkQueue } from './work-queue.ts';

export interface HostEventsProps {
  readonly storage: StorageStack;
}

const timeout = Duration.seconds(30);

/** EC2's word that an instance started, stopped or went: EventBridge rule -> queue -> function, at least once. */
export class HostEvents extends Construct {
  readonly work: WorkQueue;
  readonly handler: ProductFunction<'host-events'>;
  /** Events seen, by Powertools: forgotten after their expiry, so neither retained nor backed up. */
  readonly idempotency: Table;

  constructor(scope: Construct, id: string, { storage }: HostEventsProps) {
    super(scope, id);
    this.idempotency = new Table(this, 'Seen', {
      partitionKey: { name: 'id', type: AttributeType.STRING },
      timeToLiveAttribute: 'expiration',
      billingMode: BillingMode.PAY_PER_REQUEST,
      encryption: TableEncryption.AWS_MANAGED,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.work = new WorkQueue(this, 'Work', { consumerTimeout: timeout });
    this.handler = new ProductFunction(this, 'Function', {
      name: 'host-events',
      environment: {
        TABLE_NAME: storage.table.tableName,
        QUEUE_PREFIX: hostQueuePrefix,
        IDEMPOTENCY_TABLE_NAME: this.idempotency.tableName,
      },
      permissions: [...onTable(storage), sendToHosts(this), this.onSeen()],
      timeout,
    });
    this.handler.addEventSource(
      new SqsEventSource(this.work.queue, { batchSize: 10, reportBatchItemFailures: true }),
    );
    new Rule(this, 'InstanceStates', {
      description: 'Hivemind Volumes: instances that start, stop or go',
      eventPattern: { source: ['aws.ec2'], detailType: ['EC2 Instance State-change Notification'] },
      targets: [new SqsQueue(this.work.queue, { deadLetterQueue: this.work.deadLetters, retryAttempts: 24 })],
    });
  }

  private onSeen(): Permission {
    return {
      sid: 'SeenEvents',
      actions: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem'],
      resources: [this.idempotency.tableArn],
    };
  }
}
