import type { RepositoryUse } from './repositories.ts';

interface Scope {
  readonly bucketArn: string;
  /** Without a slash at its end. */
  readonly prefix: string;
  readonly keyArn: string;
}

interface Statement {
  readonly Effect: 'Allow';
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/**
 * What a grant allows: one repository, and of that only what the task needs. It narrows the role that is assumed, so it
 * cannot allow what the role does not. AWS takes 2,048 characters.
 */
export function grantPolicy(
  use: RepositoryUse,
  { bucketArn, prefix, keyArn }: Scope,
): { readonly Version: string; readonly Statement: readonly Statement[] } {
  const own = `${bucketArn}/${prefix}/`;
  const locks = [`${own}locks/*`];
  const written = use === 'read' ? locks : [`${own}*`];
  const removed = use === 'remove' ? [`${own}*`] : locks; // guard: grant-no-delete off: const removed = [`${own}*`];
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: ['s3:ListBucket'],
        Resource: [bucketArn],
        Condition: { StringLike: { 's3:prefix': [`${prefix}/*`] } }, // guard: grant-own-prefix off: Condition: {},
      },
      { Effect: 'Allow', Action: ['s3:GetObject'], Resource: [`${own}*`] },
      { Effect: 'Allow', Action: ['s3:PutObject'], Resource: written },
      { Effect: 'Allow', Action: ['s3:DeleteObject'], Resource: removed },
      {
        Effect: 'Allow',
        Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
        Resource: [keyArn],
        Condition: { StringLike: { 'kms:ViaService': 's3.*.amazonaws.com' } },
      },
    ],
  };
}
