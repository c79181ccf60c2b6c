import { describe, expect, it } from 'vitest';
import { grantPolicy } from '#shared/aws/archive/grant-policy.ts';
import type { RepositoryUse } from '#shared/aws/archive/repositories.ts';

const bucketArn = 'arn:aws:s3:::archive';
const prefix = 'repositories/vol-1';
const keyArn = 'arn:aws:kms:us-east-1:1:key/k';
const statements = (use: RepositoryUse) => grantPolicy(use, { bucketArn, prefix, keyArn }).Statement;
const resourcesOf = (use: RepositoryUse, action: string): readonly string[] =>
  statements(use).find(({ Action }) => Action.includes(action))?.Resource ?? [];

const own = `${bucketArn}/${prefix}/`;

describe('the policy of a grant', () => {
  it.each<[RepositoryUse, string, string]>([
    ['read', `${own}locks/*`, `${own}locks/*`],
    ['write', `${own}*`, `${own}locks/*`],
    ['remove', `${own}*`, `${own}*`],
  ])('to %s allows to write and to remove just that', (use, written, removed) => {
    expect(resourcesOf(use, 's3:GetObject')).toEqual([`${own}*`]);
    expect(resourcesOf(use, 's3:PutObject')).toEqual([written]);
    expect(resourcesOf(use, 's3:DeleteObject')).toEqual([removed]);
  });

  it.each<RepositoryUse>(['read', 'write', 'remove'])(
    'to %s names one repository and nothing else',
    (use) => {
      expect(statements(use).flatMap(({ Action }) => Action)).toEqual([
        's3:ListBucket',
        's3:GetObject',
        's3:PutObject',
        's3:DeleteObject',
        'kms:Decrypt',
        'kms:GenerateDataKey',
      ]);
      const [list, ...rest] = statements(use);
      expect(list).toEqual({
        Effect: 'Allow',
        Action: ['s3:ListBucket'],
        Resource: [bucketArn],
        // With the slash: vol-1 is no way to vol-10.
        Condition: { StringLike: { 's3:prefix': [`${prefix}/*`] } },
      });
      const objects = rest.filter(({ Action }) => Action[0]?.startsWith('s3:'));
      for (const { Resource } of objects) for (const one of Resource) expect(one.startsWith(own)).toBe(true);
      expect(rest.at(-1)).toMatchObject({
        Resource: [keyArn],
        Condition: { StringLike: { 'kms:ViaService': 's3.*.amazonaws.com' } },
      });
    },
  );

  it('fits into what AWS takes', () => {
    const longest = {
      bucketArn: `arn:aws-us-gov:s3:::${'b'.repeat(63)}`,
      prefix: `repositories/vol-${'X'.repeat(26)}`,
      keyArn,
    };
    expect(JSON.stringify(grantPolicy('remove', longest)).length).toBeLessThan(2048);
  });
});
