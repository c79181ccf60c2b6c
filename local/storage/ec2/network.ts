import { createHash } from 'node:crypto';
import type {
  DescribeSubnetsRequest,
  DescribeSubnetsResult,
  DescribeVpcsRequest,
  DescribeVpcsResult,
} from '@aws-sdk/client-ec2';
import type { Call, Cloud } from '../cloud.ts';
import { AwsError } from '../errors.ts';
import { zonesOf } from './catalog.ts';
import { applyFilters, type FilterTable } from './filters.ts';
import { pageOf } from './paging.ts';

/** The default VPC, with a subnet per zone, as each Region of an account has: enough network for EFS mount targets. */
interface Subnet {
  readonly id: string;
  readonly zone: string;
  readonly zoneId: string;
  readonly vpcId: string;
  /** First three numbers of its /24. */
  readonly prefix: string;
}

const hexOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 17);
const vpcOf = (call: Call): string => `vpc-${hexOf(`vpc ${call.account} ${call.region}`)}`;

function subnetsOf(call: Call): readonly Subnet[] {
  return zonesOf(call.region).map(({ name, id }, i) => ({
    id: `subnet-${hexOf(`subnet ${call.account} ${name}`)}`,
    zone: name,
    zoneId: id,
    vpcId: vpcOf(call),
    prefix: `172.31.${i}`,
  }));
}

export function subnetOf(call: Call, id: string): Subnet | undefined {
  return subnetsOf(call).find((subnet) => subnet.id === id);
}

const subnetFilters: FilterTable<Subnet> = {
  'availability-zone': ({ zone }) => [zone],
  'availability-zone-id': ({ zoneId }) => [zoneId],
  'subnet-id': ({ id }) => [id],
  'vpc-id': ({ vpcId }) => [vpcId],
  'default-for-az': () => ['true'],
  state: () => ['available'],
};

export async function describeSubnets(
  cloud: Cloud,
  call: Call,
  input: DescribeSubnetsRequest,
): Promise<DescribeSubnetsResult> {
  const all = subnetsOf(call);
  const odd = input.SubnetIds?.find((id) => !all.some((subnet) => subnet.id === id));
  if (odd !== undefined)
    throw new AwsError('InvalidSubnetID.NotFound', `The subnet ID '${odd}' does not exist`);
  const asked = all.filter(({ id }) => input.SubnetIds?.includes(id) ?? true);
  const { items, next } = pageOf(cloud, call, {
    items: applyFilters(subnetFilters, asked, input.Filters),
    input,
    key: ({ id }) => id,
  });
  return await Promise.resolve({
    Subnets: items.map((subnet) => ({
      SubnetId: subnet.id,
      VpcId: subnet.vpcId,
      AvailabilityZone: subnet.zone,
      AvailabilityZoneId: subnet.zoneId,
      CidrBlock: `${subnet.prefix}.0/24`,
      DefaultForAz: true,
      OwnerId: call.account,
      State: 'available',
    })),
    ...next,
  });
}

const vpcFilters: FilterTable<string> = {
  'vpc-id': (id) => [id],
  'is-default': () => ['true'],
  state: () => ['available'],
};

export async function describeVpcs(
  cloud: Cloud,
  call: Call,
  input: DescribeVpcsRequest,
): Promise<DescribeVpcsResult> {
  const own = vpcOf(call);
  const odd = input.VpcIds?.find((id) => id !== own);
  if (odd !== undefined) throw new AwsError('InvalidVpcID.NotFound', `The vpc ID '${odd}' does not exist`);
  const { items, next } = pageOf(cloud, call, {
    items: applyFilters(vpcFilters, [own], input.Filters),
    input,
    key: (id) => id,
  });
  return await Promise.resolve({
    Vpcs: items.map((id) => ({
      VpcId: id,
      CidrBlock: '172.31.0.0/16',
      IsDefault: true,
      OwnerId: call.account,
      State: 'available' as const,
    })),
    ...next,
  });
}
