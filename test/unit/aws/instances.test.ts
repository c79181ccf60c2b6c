import {
  DescribeInstanceTypesCommand,
  DescribeInstancesCommand,
  EC2Client,
  type EbsInfo,
} from '@aws-sdk/client-ec2';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { Ec2Instances } from '#shared/aws/ec2/ec2-instances.ts';
import type { Instance } from '#shared/aws/ec2/instances.ts';

const client = new EC2Client({ region: 'us-east-1' });
const ec2 = mockClient(client);
beforeEach(() => ec2.reset());

const machine: Instance = {
  id: 'i-0aaaaaaaaaaaaaaaa',
  state: 'running',
  availabilityZone: 'us-east-1a',
  instanceType: 'm7g.large',
  networkInterfaces: 2,
  tags: {},
};

describe('slots', () => {
  const slotsWith = (EbsInfo: EbsInfo): Promise<number> => {
    ec2
      .on(DescribeInstanceTypesCommand, { InstanceTypes: ['m7g.large'] })
      .resolves({ InstanceTypes: [{ EbsInfo }] });
    return new Ec2Instances(() => client).slots(machine);
  };

  it('are the limit less the root volume and, where they share it, the network interfaces', async () => {
    expect(await slotsWith({ MaximumEbsAttachments: 28, AttachmentLimitType: 'shared' })).toBe(25);
  });

  it('are not shared where the type says so', async () => {
    expect(await slotsWith({ MaximumEbsAttachments: 32, AttachmentLimitType: 'dedicated' })).toBe(31);
  });

  it('are those of Nitro where EC2 says nothing, and are asked for once per type', async () => {
    ec2.on(DescribeInstanceTypesCommand).resolves({ InstanceTypes: [{}] });
    const instances = new Ec2Instances(() => client);
    expect([await instances.slots(machine), await instances.slots(machine)]).toEqual([25, 25]);
    expect(ec2.commandCalls(DescribeInstanceTypesCommand)).toHaveLength(1);
  });
});

describe('find', () => {
  it('asks by a filter, so that an unknown id fails nothing, and reads every page', async () => {
    const Filters = [{ Name: 'instance-id', Values: ['i-1', 'i-2'] }];
    const page = (InstanceId: string) => ({
      Reservations: [{ Instances: [{ InstanceId, State: { Name: 'stopped' as const } }] }],
    });
    ec2.on(DescribeInstancesCommand, { Filters }).resolves({ ...page('i-1'), NextToken: 'more' });
    ec2.on(DescribeInstancesCommand, { Filters, NextToken: 'more' }).resolves(page('i-2'));
    const found = await new Ec2Instances(() => client).find(['i-1', 'i-2']);
    expect(found.map(({ id, state }) => `${id} ${state}`)).toEqual(['i-1 stopped', 'i-2 stopped']);
  });
});
