import type { Machine } from './config.ts';
import type { RoleSession } from './role-session.ts';

/** A leaf's text (or how to get it), or a folder of further entries. */
type Entry = string | (() => Promise<string>) | Tree;

interface Tree {
  readonly [name: string]: Entry;
}

const json = (value: unknown): string => JSON.stringify(value, null, 2);

function identityDocument(machine: Machine): string {
  return json({
    accountId: machine.account,
    architecture: process.arch === 'arm64' ? 'arm64' : 'x86_64',
    availabilityZone: machine.availabilityZone,
    billingProducts: null,
    devpayProductCodes: null,
    imageId: 'ami-00000000000000000',
    instanceId: machine.instanceId,
    instanceType: machine.instanceType,
    kernelId: null,
    marketplaceProductCodes: null,
    pendingTime: machine.startedAt,
    privateIp: machine.privateIp,
    ramdiskId: null,
    region: machine.region,
    version: '2017-09-30',
  });
}

function iamTree(machine: Machine, session: RoleSession): Tree {
  const profile = {
    Code: 'Success',
    LastUpdated: machine.startedAt,
    InstanceProfileArn: `arn:aws:iam::${machine.account}:instance-profile/${session.roleName}`,
    InstanceProfileId: 'AIPA00000000000000000',
  };
  const credentials = async (): Promise<string> => json(await session.credentials());
  return { info: json(profile), 'security-credentials': { [session.roleName]: credentials } };
}

/** Everything below `/latest`, as EC2 lays it out; the parts that an agent, a CLI or an SDK reads. */
export function metadataTree(machine: Machine, session: RoleSession | undefined): Tree {
  return {
    dynamic: { 'instance-identity': { document: identityDocument(machine) } },
    'meta-data': {
      ...(session ? { iam: iamTree(machine, session) } : {}),
      hostname: `ip-${machine.privateIp.replaceAll('.', '-')}.ec2.internal`,
      'instance-id': machine.instanceId,
      'instance-life-cycle': 'on-demand',
      'instance-type': machine.instanceType,
      'local-ipv4': machine.privateIp,
      placement: { 'availability-zone': machine.availabilityZone, region: machine.region },
      services: { domain: 'amazonaws.com', partition: 'aws' },
      tags: { instance: machine.tags },
    },
  };
}

/** What a path below `/latest` answers; a folder lists its entries, one a line. Undefined is 404. */
export async function lookUp(tree: Tree, path: string): Promise<string | undefined> {
  let entry: Entry = tree;
  for (const name of path.split('/').filter(Boolean)) {
    if (typeof entry !== 'object' || !Object.hasOwn(entry, name)) return undefined;
    entry = entry[name] ?? '';
  }
  if (typeof entry === 'string') return entry;
  if (typeof entry === 'function') return entry();
  return Object.entries(entry)
    .map(([name, below]) => (typeof below === 'object' ? `${name}/` : name))
    .join('\n');
}
