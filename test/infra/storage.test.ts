import { Match } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import {
  PolicyDocument,
  allResources,
  resourcesOf,
  statementsOf,
  synthesise,
  missing,
  unlike,
} from './support/synth.ts';

const { storage: template } = synthesise();
const statefulTypes = [
  'AWS::Backup::BackupVault',
  'AWS::DynamoDB::Table',
  'AWS::KMS::Key',
  'AWS::S3::Bucket',
  'AWS::EFS::FileSystem',
];

test('logical ids of what holds data never change: a new id is a new, empty resource', () => {
  const ids = Object.entries(allResources(template))
    .filter(([, { Type }]) => statefulTypes.includes(Type))
    .map(([id, { Type }]) => `${Type} ${id}`)
    .toSorted();
  expect(ids).toEqual([
    'AWS::Backup::BackupVault RecoveryVault6C09023D',
    'AWS::DynamoDB::Table TableCD117FA1',
    'AWS::EFS::FileSystem FilesFileSystem8770F8A4',
    'AWS::KMS::Key DataKey17AFBB84',
    'AWS::KMS::Key VolumeKeyB3FBD601',
    'AWS::S3::Bucket ArchiveAccessLogs31F4F9D7',
    'AWS::S3::Bucket ArchiveBucket49F1AC64',
  ]);
});

test.each(statefulTypes)('every %s survives the deletion and the replacement of the stack', (type) => {
  for (const resource of Object.values(resourcesOf(template, type)))
    expect(resource).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
});

test('the stack itself is protected from deletion', () => {
  expect(synthesise().stacks.storage.terminationProtection).toBe(true);
});

test('the table can be restored to any second, is encrypted under our key and protected from deletion', () => {
  expect(
    missing(template, 'AWS::DynamoDB::Table', {
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      BillingMode: 'PAY_PER_REQUEST',
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      DeletionProtectionEnabled: true,
      SSESpecification: {
        SSEEnabled: true,
        SSEType: 'KMS',
        KMSMasterKeyId: { 'Fn::GetAtt': ['DataKey17AFBB84', 'Arn'] },
      },
      TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
      GlobalSecondaryIndexes: [
        {
          IndexName: 'work',
          KeySchema: [
            { AttributeName: 'workPk', KeyType: 'HASH' },
            { AttributeName: 'workSk', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
    }),
  ).toBe('');
});

test('keys are rotated', () => {
  expect(unlike(template, 'AWS::KMS::Key', { EnableKeyRotation: true })).toBe('');
});

test('buckets are closed to the public and owned by the bucket’s owner', () => {
  expect(
    unlike(template, 'AWS::S3::Bucket', {
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
    }),
  ).toBe('');
});

test('the archive is versioned, under our key, and drops old versions and unfinished uploads', () => {
  expect(
    missing(template, 'AWS::S3::Bucket', {
      VersioningConfiguration: { Status: 'Enabled' },
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [
          {
            ServerSideEncryptionByDefault: {
              SSEAlgorithm: 'aws:kms',
              KMSMasterKeyID: { 'Fn::GetAtt': ['DataKey17AFBB84', 'Arn'] },
            },
          },
        ],
      },
      LifecycleConfiguration: {
        Rules: [
          {
            Status: 'Enabled',
            NoncurrentVersionExpiration: { NoncurrentDays: 30 },
            AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
          },
          {
            Status: 'Enabled',
            Prefix: 'transfers/',
            ExpirationInDays: 1,
            AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
            NoncurrentVersionExpiration: { NoncurrentDays: 1 },
          },
        ],
      },
      LoggingConfiguration: { DestinationBucketName: Match.anyValue() },
    }),
  ).toBe('');
});

test('every bucket refuses calls without TLS', () => {
  const policies = Object.values(resourcesOf(template, 'AWS::S3::BucketPolicy'));
  expect(policies).toHaveLength(Object.keys(resourcesOf(template, 'AWS::S3::Bucket')).length);
  for (const { Properties } of policies) {
    const denied = PolicyDocument.parse(Properties['PolicyDocument']).Statement.filter(
      ({ Effect }) => Effect === 'Deny',
    );
    expect(denied).toContainEqual(
      expect.objectContaining({
        Action: ['s3:*'],
        Principal: { AWS: '*' },
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      }),
    );
  }
});

test('the file system is encrypted under our key, backed up, and mounted over TLS alone', () => {
  expect(
    missing(template, 'AWS::EFS::FileSystem', {
      Encrypted: true,
      KmsKeyId: { 'Fn::GetAtt': ['DataKey17AFBB84', 'Arn'] },
      BackupPolicy: { Status: 'ENABLED' },
      FileSystemPolicy: {
        Statement: [
          Match.objectLike({
            Effect: 'Deny',
            Principal: { AWS: '*' },
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          }),
        ],
      },
    }),
  ).toBe('');
});

test('recovery points are kept under our key, and AWS Backup may touch our file system alone', () => {
  expect(
    missing(template, 'AWS::Backup::BackupVault', {
      BackupVaultName: 'hivemind-volumes',
      EncryptionKeyArn: { 'Fn::GetAtt': ['DataKey17AFBB84', 'Arn'] },
    }),
  ).toBe('');
  expect(
    missing(template, 'AWS::IAM::Role', {
      AssumeRolePolicyDocument: {
        Statement: [
          {
            Action: 'sts:AssumeRole',
            Effect: 'Allow',
            Principal: { Service: 'backup.amazonaws.com' },
            Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
          },
        ],
      },
    }),
  ).toBe('');
  const files = { 'Fn::GetAtt': ['FilesFileSystem8770F8A4', 'Arn'] };
  const key = { 'Fn::GetAtt': ['DataKey17AFBB84', 'Arn'] };
  const resources = statementsOf(template, 'RecoveryRole').flatMap(({ Resource }) => Resource);
  expect(resources).toEqual([files, key, key]);
});

test('mount targets let in NFS from hosts, and nothing else', () => {
  expect(
    missing(template, 'AWS::EC2::SecurityGroup', {
      GroupDescription: Match.stringLikeRegexp('mount targets'),
      SecurityGroupIngress: [
        {
          IpProtocol: 'tcp',
          FromPort: 2049,
          ToPort: 2049,
          SourceSecurityGroupId: { 'Fn::GetAtt': ['FilesClientGroup865017BB', 'GroupId'] },
          Description: Match.anyValue(),
        },
      ],
    }),
  ).toBe('');
});

test('nothing here costs while nobody calls: no NAT gateway, no address, no endpoint', () => {
  const types = Object.values(allResources(template)).map(({ Type }) => Type);
  for (const type of ['AWS::EC2::NatGateway', 'AWS::EC2::EIP', 'AWS::EC2::VPCEndpoint'])
    expect(types).not.toContain(type);
});
