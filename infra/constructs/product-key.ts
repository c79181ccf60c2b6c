import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';

export interface ProductKeyProps {
  /** `alias/…`, one per account and region. */
  readonly alias: string;
  /** What it encrypts, for the key's description. */
  readonly protects: string;
}

/** A KMS key of the product's own: rotated yearly, retained, since losing it is losing everything under it. */
export class ProductKey extends Key {
  constructor(scope: Construct, id: string, { alias, protects }: ProductKeyProps) {
    super(scope, id, {
      alias,
      description: `Hivemind Volumes: ${protects}`,
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
  }

  /** CloudWatch publishes alarms to topics under this key, for this account alone. */
  allowAlarms(): void {
    this.addToResourcePolicy(
      new PolicyStatement({
        sid: 'Alarms',
        actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        resources: ['*'],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    );
  }
}
