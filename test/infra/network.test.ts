import { expect, test } from 'vitest';
import { ConfigurationError } from '#infra/errors.ts';
import { allResources, resourcesOf, synthesise, missing } from './support/synth.ts';

test('without a VPC one is made, with a mount target in each of its zones', () => {
  const { storage } = synthesise();
  expect(Object.keys(resourcesOf(storage, 'AWS::EC2::VPC'))).toHaveLength(1);
  expect(Object.keys(resourcesOf(storage, 'AWS::EFS::MountTarget'))).toHaveLength(2);
});

test('an existing VPC is used as it is: mount targets in the given subnets, no network made', () => {
  const { storage } = synthesise({
    'hivemind:vpcId': 'vpc-0a1b2c3d',
    'hivemind:subnetIds': 'subnet-0a1b2c3d, subnet-1a1b2c3d,subnet-2a1b2c3d',
  });
  const types = Object.values(allResources(storage)).map(({ Type }) => Type);
  expect(types.filter((type) => /^AWS::EC2::(?!SecurityGroup$)/.test(type))).toEqual([]);
  const subnets = Object.values(resourcesOf(storage, 'AWS::EFS::MountTarget')).map(
    ({ Properties }) => Properties['SubnetId'],
  );
  expect(subnets).toEqual(['subnet-0a1b2c3d', 'subnet-1a1b2c3d', 'subnet-2a1b2c3d']);
  for (const { Properties } of Object.values(resourcesOf(storage, 'AWS::EC2::SecurityGroup')))
    expect(Properties['VpcId']).toBe('vpc-0a1b2c3d');
});

test.each([
  [{ 'hivemind:vpcId': 'vpc-0a1b2c3d' }, /vpcId and hivemind:subnetIds go together/],
  [{ 'hivemind:vpcId': 'my-vpc', 'hivemind:subnetIds': 'subnet-0a1b2c3d' }, /a VPC id such as/],
  [{ 'hivemind:undoWindowHours': '-1' }, /undoWindowHours/],
  [{ 'hivemind:undoWindowHours': 'soon' }, /undoWindowHours/],
  [{ 'hivemind:pollSeconds': '1' }, /pollSeconds/],
  [{ 'hivemind:alarmEmail': 'ops' }, /alarmEmail/],
])('context %j is refused with what is wrong', (context, text) => {
  expect(() => synthesise(context)).toThrow(ConfigurationError);
  expect(() => synthesise(context)).toThrow(text);
});

test('an address is subscribed to the alarms', () => {
  const { controlPlane } = synthesise({ 'hivemind:alarmEmail': 'ops@example.com' });
  expect(
    missing(controlPlane, 'AWS::SNS::Subscription', {
      Protocol: 'email',
      Endpoint: 'ops@example.com',
    }),
  ).toBe('');
});
