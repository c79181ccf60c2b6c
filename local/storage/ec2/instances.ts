import type {
  DescribeInstancesRequest,
  DescribeInstancesResult,
  DescribeInstanceStatusRequest,
  DescribeInstanceStatusResult,
  Instance as Described,
  InstanceState as DescribedState,
  InstanceStateChange,
  RebootInstancesRequest,
  StartInstancesRequest,
  StartInstancesResult,
  StopInstancesRequest,
  StopInstancesResult,
  TerminateInstancesRequest,
  TerminateInstancesResult,
} from '@aws-sdk/client-ec2';
import { type Call, type Cloud, delayOf } from '../cloud.ts';
import { AwsError } from '../errors.ts';
import type { Instance, InstanceState } from '../state/entities.ts';
import { attachmentsOf, rootDevice } from './attachments.ts';
import { architectureOf, isInstanceType, zonesOf } from './catalog.ts';
import { applyFilters, type FilterTable, tagFilters } from './filters.ts';
import { instanceOf, selectRecords } from './lookup.ts';
import { pageOf } from './paging.ts';
import { beginPower, crash, finishPowerLater, powerOn } from './power.ts';

/** EC2's numbers for its states. */
const codes: Readonly<Record<InstanceState, number>> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
};

const describeState = (state: InstanceState): DescribedState => ({ Code: codes[state], Name: state });

interface Change {
  readonly call: Call;
  readonly ids: readonly string[] | undefined;
  /** States that the instance may be in, and the one it goes into. */
  readonly from: readonly InstanceState[];
  readonly to: 'pending' | 'stopping' | 'shutting-down';
  /** States in which the instance already is what is asked. */
  readonly done: readonly InstanceState[];
}

async function changePower(
  cloud: Cloud,
  { call, ids, from, to, done }: Change,
): Promise<InstanceStateChange[]> {
  const instances = (ids ?? []).map((id) => instanceOf(cloud.store, call, id));
  const odd = instances.find(({ state }) => !from.includes(state) && !done.includes(state));
  if (odd) {
    throw new AwsError(
      'IncorrectInstanceState',
      `The instance '${odd.id}' is not in a state from which it can be changed so; it is '${odd.state}'.`,
    );
  }
  const changes: InstanceStateChange[] = [];
  for (const instance of instances) {
    const changing = from.includes(instance.state);
    if (changing) {
      await beginPower(cloud, instance, to);
      finishPowerLater(cloud, instance.id, delayOf(cloud, call, 'instance'));
    }
    changes.push({
      InstanceId: instance.id,
      PreviousState: describeState(instance.state),
      CurrentState: describeState(changing ? to : instance.state),
    });
  }
  return changes;
}

export async function startInstances(
  cloud: Cloud,
  call: Call,
  input: StartInstancesRequest,
): Promise<StartInstancesResult> {
  const change = {
    call,
    ids: input.InstanceIds,
    from: ['stopped'],
    to: 'pending',
    done: ['running', 'pending'],
  } as const;
  return { StartingInstances: await changePower(cloud, change) };
}

export async function stopInstances(
  cloud: Cloud,
  call: Call,
  input: StopInstancesRequest,
): Promise<StopInstancesResult> {
  const change = {
    call,
    ids: input.InstanceIds,
    from: ['running', 'pending'],
    to: 'stopping',
    done: ['stopping', 'stopped'],
  } as const;
  return { StoppingInstances: await changePower(cloud, change) };
}

export async function terminateInstances(
  cloud: Cloud,
  call: Call,
  input: TerminateInstancesRequest,
): Promise<TerminateInstancesResult> {
  const from = ['running', 'pending', 'stopping', 'stopped'] as const;
  return {
    TerminatingInstances: await changePower(cloud, {
      call,
      ids: input.InstanceIds,
      from,
      to: 'shutting-down',
      done: ['shutting-down', 'terminated'],
    }),
  };
}

/** A reboot as the storage sees it: the old devices end, the new boot gets new ones. */
export async function rebootInstances(
  cloud: Cloud,
  call: Call,
  input: RebootInstancesRequest,
): Promise<void> {
  const instances = (input.InstanceIds ?? []).map((id) => instanceOf(cloud.store, call, id));
  const odd = instances.find(({ state }) => state !== 'running');
  if (odd)
    throw new AwsError(
      'IncorrectState',
      `The instance '${odd.id}' is not in the 'running' state; it is '${odd.state}'.`,
    );
  for (const { id } of instances) {
    await crash(cloud, id);
    await powerOn(cloud, id);
  }
}

const filters: FilterTable<Instance> = {
  ...tagFilters<Instance>(),
  'availability-zone': ({ zone }) => [zone],
  'instance-id': ({ id }) => [id],
  'instance-state-name': ({ state }) => [state],
  'instance-state-code': ({ state }) => [String(codes[state])],
  'instance-type': ({ type }) => [type],
  'private-ip-address': ({ privateIpAddress }) => [privateIpAddress],
  'private-dns-name': (instance) => [privateName(instance)],
};

export async function describeInstances(
  cloud: Cloud,
  call: Call,
  input: DescribeInstancesRequest,
): Promise<DescribeInstancesResult> {
  const records = selectRecords(call.view, call, { kind: 'instances', ids: input.InstanceIds });
  const found = applyFilters(filters, records, input.Filters);
  const { items, next } = pageOf(cloud, call, {
    items: found,
    input,
    key: ({ id }) => id,
    ids: input.InstanceIds,
  });
  return {
    Reservations: items.map((instance) => ({
      ReservationId: instance.id.replace('i-', 'r-'),
      OwnerId: call.account,
      Instances: [describeInstance(cloud, instance)],
    })),
    ...next,
  };
}

const privateName = ({ privateIpAddress, region }: Instance): string =>
  `ip-${privateIpAddress.replaceAll('.', '-')}.${region}.compute.internal`;

function describeInstance(cloud: Cloud, instance: Instance): Described {
  const zoneId = zonesOf(instance.region).find(({ name }) => name === instance.zone)?.id;
  const [code = '', message = ''] = instance.stateReason?.split(': ') ?? [];
  return {
    InstanceId: instance.id,
    // The catalogue has only types of EC2's own list; the admin interface takes no other.
    InstanceType: instance.type as NonNullable<Described['InstanceType']>,
    State: describeState(instance.state),
    LaunchTime: new Date(instance.launchTime),
    Placement: {
      AvailabilityZone: instance.zone,
      ...(zoneId === undefined ? {} : { AvailabilityZoneId: zoneId }),
      Tenancy: 'default',
    },
    Architecture: architectureOf(instance.type),
    PrivateIpAddress: instance.privateIpAddress,
    PrivateDnsName: privateName(instance),
    RootDeviceName: rootDevice,
    RootDeviceType: 'ebs',
    EbsOptimized: true,
    BlockDeviceMappings: attachmentsOf(cloud, instance.id).map((attachment) => ({
      DeviceName: attachment.device,
      Ebs: {
        VolumeId: attachment.volumeId,
        // An instance's own listing knows no `busy`.
        Status: attachment.state === 'busy' ? 'detaching' : attachment.state,
        AttachTime: new Date(attachment.attachTime),
        DeleteOnTermination: attachment.deleteOnTermination,
      },
    })),
    ...(instance.roleArn === undefined
      ? {}
      : { IamInstanceProfile: { Arn: instance.roleArn.replace(':role/', ':instance-profile/') } }),
    ...(instance.stateReason === undefined ? {} : { StateReason: { Code: code, Message: message } }),
    MetadataOptions: {
      State: 'applied',
      HttpTokens: 'required',
      HttpPutResponseHopLimit: 1,
      HttpEndpoint: 'enabled',
    },
    Tags: [...instance.tags],
  };
}

const statusFilters: FilterTable<Instance> = {
  'availability-zone': ({ zone }) => [zone],
  'instance-state-name': ({ state }) => [state],
  'instance-state-code': ({ state }) => [String(codes[state])],
  'instance-status.status': (instance) => [health(instance)],
  'system-status.status': (instance) => [health(instance)],
};

export async function describeInstanceStatus(
  cloud: Cloud,
  call: Call,
  input: DescribeInstanceStatusRequest,
): Promise<DescribeInstanceStatusResult> {
  const records = selectRecords(call.view, call, { kind: 'instances', ids: input.InstanceIds });
  const shown = records.filter(({ state }) => input.IncludeAllInstances === true || state === 'running');
  const found = applyFilters(statusFilters, shown, input.Filters);
  const { items, next } = pageOf(cloud, call, {
    items: found,
    input,
    key: ({ id }) => id,
    ids: input.InstanceIds,
  });
  return {
    InstanceStatuses: items.map((instance) => ({
      InstanceId: instance.id,
      AvailabilityZone: instance.zone,
      InstanceState: describeState(instance.state),
      InstanceStatus: { Status: health(instance) },
      SystemStatus: { Status: health(instance) },
    })),
    ...next,
  };
}

function health({ state, crashed }: Instance): 'ok' | 'impaired' | 'not-applicable' {
  if (state !== 'running') return 'not-applicable';
  return crashed ? 'impaired' : 'ok';
}

/** What the admin interface says of a machine. */
export interface Machine {
  readonly name: string;
  readonly availabilityZone: string;
  readonly instanceType: string;
  readonly privateIpAddress: string;
  readonly byIdDir: string;
  readonly udevDir: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly roleArn?: string | undefined;
}

/** The record of a machine that exists; a new one runs, a known one keeps its state. */
export function instanceFrom(id: string, machine: Machine, before: Instance | undefined): Instance {
  const region = machine.availabilityZone.slice(0, -1);
  if (!zonesOf(region).some(({ name }) => name === machine.availabilityZone)) {
    throw new AwsError('InvalidZone.NotFound', `The zone '${machine.availabilityZone}' does not exist.`);
  }
  if (!isInstanceType(machine.instanceType))
    throw new AwsError('InvalidInstanceType', `The instance type '${machine.instanceType}' is not offered.`);
  const { availabilityZone: zone, instanceType: type, tags, roleArn, ...rest } = machine;
  const state = before ?? {
    state: 'running',
    crashed: false,
    launchTime: new Date().toISOString(),
    burntNames: [],
  };
  const named = { Name: machine.name, ...tags };
  return {
    ...state,
    ...rest,
    id,
    region,
    zone,
    type,
    roleArn,
    tags: Object.entries(named).map(([Key, Value]) => ({ Key, Value })),
  };
}
