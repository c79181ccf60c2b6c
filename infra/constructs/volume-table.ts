import { RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, BillingMode, ProjectionType, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';

/** Name of the one index; docs/architecture.md 'Table' says what is in it. */
export const workIndex = 'work';

export interface VolumeTableProps {
  readonly key: IKey;
}

/**
 * The one table: every record of every volume, host and operation.
 * `Table` rather than `TableV2`, which takes a key of our own only in a stack whose region is known at synthesis.
 */
export class VolumeTable extends Table {
  constructor(scope: Construct, id: string, { key }: VolumeTableProps) {
    super(scope, id, {
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      sortKey: { name: 'sk', type: AttributeType.STRING },
      timeToLiveAttribute: 'expiresAt',
      billingMode: BillingMode.PAY_PER_REQUEST,
      encryption: TableEncryption.CUSTOMER_MANAGED,
      encryptionKey: key,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.addGlobalSecondaryIndex({
      indexName: workIndex,
      partitionKey: { name: 'workPk', type: AttributeType.STRING },
      sortKey: { name: 'workSk', type: AttributeType.STRING },
      projectionType: ProjectionType.ALL,
    });
  }
}
