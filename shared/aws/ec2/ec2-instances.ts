import {
  DescribeInstanceTypesCommand,
  paginateDescribeInstances,
  type _InstanceType,
  type EC2Client,
  type Instance as Ec2Instance,
  type InstanceTypeInfo,
} from '@aws-sdk/client-ec2';
import { ec2Clients, type Repeat } from './clients.ts';
import { tagsOf } from './ec2-shapes.ts';
import { translateAwsError } from './errors.ts';
import type { Instance, Instances } from './instances.ts';

const filterValues = 200;
/** What a type without the figure takes: 28 shared with network interfaces. Source: EC2 user guide, volume limits (Nitro). */
const defaultLimit = { max: 28, shared: true };

/** Instances by EC2. */
export class Ec2Instances implements Instances {
  readonly #client: (repeat: Repeat) => EC2Client;
  /** Types do not change while a function lives. */
  readonly #limits = new Map<string, { max: number; shared: boolean }>();

  constructor(clients: (repeat: Repeat) => EC2Client = ec2Clients()) {
    this.#client = clients;
  }

  async find(ids: readonly string[]): Promise<Instance[]> {
    const found: Instance[] = [];
    for (let at = 0; at < ids.length; at += filterValues) {
      found.push(...(await this.#describe(ids.slice(at, at + filterValues))));
    }
    return found;
  }

  async #describe(ids: readonly string[]): Promise<Instance[]> {
    try {
      const instances: Instance[] = [];
      const Filters = [{ Name: 'instance-id', Values: [...ids] }];
      for await (const page of paginateDescribeInstances({ client: this.#client('read') }, { Filters })) {
        for (const { Instances: group = [] } of page.Reservations ?? [])
          instances.push(...group.map(toInstance));
      }
      return instances;
    } catch (error) {
      throw translateAwsError(error, 'Looking at the host');
    }
  }

  async slots({ instanceType, networkInterfaces }: Instance): Promise<number> {
    const { max, shared } = this.#limits.get(instanceType) ?? (await this.#limit(instanceType));
    const root = 1;
    return Math.max(1, max - root - (shared ? networkInterfaces : 0));
  }

  async #limit(instanceType: string): Promise<{ max: number; shared: boolean }> {
    try {
      const command = new DescribeInstanceTypesCommand({ InstanceTypes: [instanceType as _InstanceType] });
      const { InstanceTypes = [] } = await this.#client('read').send(command);
      const limit = limitOf(InstanceTypes[0]);
      this.#limits.set(instanceType, limit);
      return limit;
    } catch (error) {
      throw translateAwsError(error, 'Looking at the instance type');
    }
  }
}

function limitOf(type: InstanceTypeInfo | undefined): { max: number; shared: boolean } {
  const max = type?.EbsInfo?.MaximumEbsAttachments;
  return max === undefined
    ? defaultLimit
    : { max, shared: type?.EbsInfo?.AttachmentLimitType !== 'dedicated' };
}

function toInstance(instance: Ec2Instance): Instance {
  return {
    id: instance.InstanceId ?? '',
    state: instance.State?.Name ?? 'pending',
    availabilityZone: instance.Placement?.AvailabilityZone ?? '',
    instanceType: instance.InstanceType ?? '',
    networkInterfaces: Math.max(1, instance.NetworkInterfaces?.length ?? 1),
    tags: tagsOf(instance.Tags),
  };
}
