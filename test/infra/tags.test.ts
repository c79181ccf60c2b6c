import { expect, test } from 'vitest';
import { productTagValue, tagKeys } from '#shared/model/tags.ts';
import { allResources, synthesise } from './support/synth.ts';

/** Types that CloudFormation knows no tags of; anything else must carry ours. */
const untaggable: ReadonlySet<string> = new Set([
  'AWS::ApiGatewayV2::Integration',
  'AWS::ApiGatewayV2::Route',
  'AWS::EC2::Route',
  'AWS::EC2::SubnetRouteTableAssociation',
  'AWS::EC2::VPCGatewayAttachment',
  'AWS::EFS::MountTarget',
  'AWS::IAM::InstanceProfile',
  'AWS::IAM::ManagedPolicy',
  'AWS::IAM::Policy',
  'AWS::KMS::Alias',
  'AWS::Lambda::EventInvokeConfig',
  'AWS::Lambda::Permission',
  'AWS::S3::BucketPolicy',
  'AWS::SNS::TopicPolicy',
  'AWS::SQS::QueuePolicy',
  'AWS::Scheduler::Schedule',
]);

/** Where the types have them. */
const named = ['Tags', 'TagSpecifications', 'BackupVaultTags', 'FileSystemTags'];
/** As the types write a tag: one of a list, one of a map. */
const forms = [
  { Key: tagKeys.product, Value: productTagValue },
  { key: tagKeys.product, value: productTagValue },
  { [tagKeys.product]: productTagValue },
];

const { stacks: _stacks, app: _app, ...templates } = synthesise();

test.each(Object.entries(templates))(
  'everything of %s that can have tags has the product’s',
  (_, template) => {
    const bare = Object.entries(allResources(template)).filter(([, { Type, Properties }]) => {
      if (untaggable.has(Type)) return false;
      const tags = JSON.stringify(named.map((name) => Properties[name]));
      return !forms.some((form) => tags.includes(JSON.stringify(form).slice(1, -1)));
    });
    expect(bare.map(([id, { Type }]) => `${Type} ${id}`)).toEqual([]);
  },
);
