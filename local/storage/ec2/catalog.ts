import type {
  DescribeAvailabilityZonesRequest,
  DescribeAvailabilityZonesResult,
  InstanceTypeInfo,
} from '@aws-sdk/client-ec2';
import type { DescribeInstanceTypesRequest, DescribeInstanceTypesResult } from '@aws-sdk/client-ec2';
import type { Call, Cloud } from '../cloud.ts';
import { AwsError } from '../errors.ts';
import { applyFilters, type FilterTable } from './filters.ts';
import { pageOf } from './paging.ts';

interface Family {
  readonly sizes: Readonly<Record<string, readonly [vcpus: number, memoryMib: number]>>;
  readonly limit: number;
  readonly limitType: 'shared' | 'dedicated';
  readonly architecture: 'x86_64' | 'arm64';
}

const burst = {
  micro: [2, 1024],
  small: [2, 2048],
  medium: [2, 4096],
  large: [2, 8192],
  xlarge: [4, 16384],
} as const;
const general = {
  large: [2, 8192],
  xlarge: [4, 16384],
  '2xlarge': [8, 32768],
  '4xlarge': [16, 65536],
} as const;

/** Types that the local cloud offers, with EC2's published attachment limits (instance types guide, November 2026). */
const families: Readonly<Record<string, Family>> = {
  t3: { sizes: burst, limit: 28, limitType: 'shared', architecture: 'x86_64' },
  t4g: { sizes: burst, limit: 28, limitType: 'shared', architecture: 'arm64' },
  m5: { sizes: general, limit: 28, limitType: 'shared', architecture: 'x86_64' },
  m6g: { sizes: general, limit: 28, limitType: 'shared', architecture: 'arm64' },
  m6i: { sizes: general, limit: 28, limitType: 'shared', architecture: 'x86_64' },
  m7g: { sizes: general, limit: 32, limitType: 'dedicated', architecture: 'arm64' },
  m7i: { sizes: general, limit: 32, limitType: 'dedicated', architecture: 'x86_64' },
};

const known: ReadonlyMap<string, InstanceTypeInfo> = new Map(
  Object.entries(families).flatMap(([family, about]) =>
    Object.keys(about.sizes).map((size) => [`${family}.${size}`, describeType(family, size, about)]),
  ),
);

function describeType(family: string, size: string, about: Family): InstanceTypeInfo {
  const [vcpus, memory] = about.sizes[size] ?? [2, 4096];
  return {
    InstanceType: `${family}.${size}` as NonNullable<InstanceTypeInfo['InstanceType']>,
    CurrentGeneration: true,
    Hypervisor: 'nitro',
    ProcessorInfo: { SupportedArchitectures: [about.architecture] },
    VCpuInfo: { DefaultVCpus: vcpus },
    MemoryInfo: { SizeInMiB: memory },
    EbsInfo: {
      EbsOptimizedSupport: 'default',
      EncryptionSupport: 'supported',
      NvmeSupport: 'required',
      MaximumEbsAttachments: about.limit,
      AttachmentLimitType: about.limitType,
    },
    NetworkInfo: { MaximumNetworkInterfaces: 3 },
  };
}

export const isInstanceType = (type: string): boolean => known.has(type);

/** EBS attachments that an instance of the type can have, the root volume included. */
export function attachmentLimit(type: string): number {
  return known.get(type)?.EbsInfo?.MaximumEbsAttachments ?? 28;
}

export function architectureOf(type: string): 'x86_64' | 'arm64' {
  return known.get(type)?.ProcessorInfo?.SupportedArchitectures?.[0] === 'arm64' ? 'arm64' : 'x86_64';
}

const typeFilters: FilterTable<InstanceTypeInfo> = {
  'instance-type': (type) => [type.InstanceType ?? ''],
  'current-generation': (type) => [String(type.CurrentGeneration)],
  hypervisor: (type) => [type.Hypervisor ?? ''],
  'processor-info.supported-architecture': (type) => type.ProcessorInfo?.SupportedArchitectures ?? [],
};

export async function describeInstanceTypes(
  cloud: Cloud,
  call: Call,
  input: DescribeInstanceTypesRequest,
): Promise<DescribeInstanceTypesResult> {
  const asked = input.InstanceTypes ?? [];
  const odd = asked.find((type) => !known.has(type));
  if (odd !== undefined)
    throw new AwsError('InvalidInstanceType', `The following supplied instance types do not exist: [${odd}]`);
  const types = [...known.values()].filter(
    (type) => asked.length === 0 || asked.includes(type.InstanceType ?? 't3.micro'),
  );
  const { items, next } = pageOf(cloud, call, {
    items: applyFilters(typeFilters, types, input.Filters),
    input,
    key: (type) => type.InstanceType ?? '',
    most: 100,
  });
  return { InstanceTypes: [...items], ...next };
}

const regions: Readonly<Record<string, { code: string; zones: string }>> = {
  'us-east-1': { code: 'use1', zones: 'abcdef' },
  'us-east-2': { code: 'use2', zones: 'abc' },
  'us-west-1': { code: 'usw1', zones: 'ac' },
  'us-west-2': { code: 'usw2', zones: 'abcd' },
  'eu-west-1': { code: 'euw1', zones: 'abc' },
  'eu-west-2': { code: 'euw2', zones: 'abc' },
  'eu-central-1': { code: 'euc1', zones: 'abc' },
  'eu-north-1': { code: 'eun1', zones: 'abc' },
  'ap-southeast-1': { code: 'apse1', zones: 'abc' },
  'ap-southeast-2': { code: 'apse2', zones: 'abc' },
  'ap-northeast-1': { code: 'apne1', zones: 'acd' },
};

export interface Zone {
  readonly name: string;
  readonly id: string;
}

/** The availability zones of a Region; a Region that the table lacks has three. */
export function zonesOf(region: string): readonly Zone[] {
  const { code, zones } = regions[region] ?? { code: region.replaceAll('-', ''), zones: 'abc' };
  return zones.split('').map((letter, i) => ({ name: `${region}${letter}`, id: `${code}-az${i + 1}` }));
}

const zoneFilters: FilterTable<Zone> = {
  'zone-name': (zone) => [zone.name],
  'zone-id': (zone) => [zone.id],
  'zone-type': () => ['availability-zone'],
  'region-name': (zone) => [zone.name.slice(0, -1)],
  'opt-in-status': () => ['opt-in-not-required'],
  state: () => ['available'],
};

export async function describeAvailabilityZones(
  _: Cloud,
  call: Call,
  input: DescribeAvailabilityZonesRequest,
): Promise<DescribeAvailabilityZonesResult> {
  const all = zonesOf(call.region);
  const odd =
    input.ZoneNames?.find((name) => !all.some((zone) => zone.name === name)) ??
    input.ZoneIds?.find((id) => !all.some((zone) => zone.id === id));
  if (odd !== undefined) throw new AwsError('InvalidParameterValue', `Invalid availability zone: [${odd}]`);
  const asked = all.filter(
    (zone) => (input.ZoneNames?.includes(zone.name) ?? true) && (input.ZoneIds?.includes(zone.id) ?? true),
  );
  return {
    AvailabilityZones: applyFilters(zoneFilters, asked, input.Filters).map((zone) => ({
      ZoneName: zone.name,
      ZoneId: zone.id,
      RegionName: call.region,
      State: 'available',
      OptInStatus: 'opt-in-not-required',
      ZoneType: 'availability-zone',
      GroupName: `${call.region}-zg-1`,
      NetworkBorderGroup: call.region,
    })),
  };
}
