import { workIndex } from '../constructs/volume-table.ts';
import type { StorageStack } from '../stacks/storage.stack.ts';
import type { Permission } from './permission.ts';

const reads = ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query'];
const writes = [
  'dynamodb:PutItem',
  'dynamodb:UpdateItem',
  'dynamodb:DeleteItem',
  'dynamodb:ConditionCheckItem',
];

/** Reads and writes by key. No function scans: no access pattern is a scan. */
export function onTable({ table, dataKey }: StorageStack): Permission[] {
  return [
    { sid: 'Table', actions: [...reads, ...writes], resources: [table.tableArn] },
    {
      sid: 'TableKey',
      // DynamoDB uses the caller's rights on a key of ours; it can be used through DynamoDB alone.
      actions: [
        'kms:Decrypt',
        'kms:DescribeKey',
        'kms:Encrypt',
        'kms:GenerateDataKey',
        'kms:GenerateDataKeyWithoutPlaintext',
        'kms:ReEncryptFrom',
        'kms:ReEncryptTo',
      ],
      resources: [dataKey.keyArn],
      conditions: { StringLike: { 'kms:ViaService': 'dynamodb.*.amazonaws.com' } },
    },
  ];
}

/** The `work` index, which lists what is unfinished: the sweeper's alone. */
export function onWorkIndex({ table }: StorageStack): Permission {
  return {
    sid: 'WorkIndex',
    actions: ['dynamodb:Query'],
    resources: [`${table.tableArn}/index/${workIndex}`],
  };
}
