import type { Wish } from '../identity.ts';
import {
  requestTagContext,
  resourceTagContext,
  type LookUp,
  type Rule,
  type StorageRequest,
  type Tags,
} from './types.ts';
import { own } from '../own.ts';

/**
 * What EC2 checks for each action, after the Service Authorization Reference of Amazon EC2: the resources that the
 * caller's policies must allow, each with its condition keys. An action that is not listed is checked against `*`.
 */
const rules: Readonly<Record<string, readonly Check[]>> = {
  AttachVolume: [existing('InstanceId'), existing('VolumeId')],
  DetachVolume: [existing('VolumeId'), holder()],
  DeleteVolume: [existing('VolumeId')],
  ModifyVolume: [existing('VolumeId')],
  ModifyVolumeAttribute: [existing('VolumeId')],
  DescribeVolumeAttribute: [existing('VolumeId')],
  EnableVolumeIO: [existing('VolumeId')],
  CreateVolume: [created('volume'), existing('SnapshotId'), taggedOnCreate('volume')],
  CopyVolumes: [existing('SourceVolumeId'), created('volume'), taggedOnCreate('volume')],
  CreateSnapshot: [existing('VolumeId'), created('snapshot'), taggedOnCreate('snapshot')],
  CreateSnapshots: [
    existing('InstanceSpecification.InstanceId'),
    created('snapshot'),
    taggedOnCreate('snapshot'),
  ],
  CopySnapshot: [copied(), created('snapshot'), taggedOnCreate('snapshot')],
  DeleteSnapshot: [existing('SnapshotId')],
  ModifySnapshotAttribute: [existing('SnapshotId')],
  DescribeSnapshotAttribute: [existing('SnapshotId')],
  ModifySnapshotTier: [existing('SnapshotId')],
  LockSnapshot: [existing('SnapshotId')],
  UnlockSnapshot: [existing('SnapshotId')],
  RestoreSnapshotFromRecycleBin: [existing('SnapshotId')],
  StartInstances: [existing('InstanceId')],
  StopInstances: [existing('InstanceId')],
  RebootInstances: [existing('InstanceId')],
  TerminateInstances: [existing('InstanceId')],
  ModifyInstanceAttribute: [existing('InstanceId')],
  ModifyInstanceMetadataOptions: [existing('InstanceId')],
  DescribeInstanceAttribute: [existing('InstanceId')],
  CreateTags: [existing('ResourceId')],
  DeleteTags: [existing('ResourceId')],
};

/** One kind of thing that an action needs: none, one or several wishes. */
type Check = (request: StorageRequest, lookUp: LookUp) => Promise<readonly Wish[]>;

export const ec2Rule: Rule = async (request, lookUp) => {
  const checks = own(rules, request.action);
  if (checks === undefined) return [{ action: `ec2:${request.action}`, resource: '*' }];
  const wishes: Wish[] = [];
  for (const check of checks) wishes.push(...(await check(request, lookUp)));
  return wishes.length > 0 ? wishes : [{ action: `ec2:${request.action}`, resource: '*' }];
};

/** Each resource that a field names (`VolumeId`, or `ResourceId.1`, `.2` …), with the tags that it has. */
function existing(field: string): Check {
  return async (request, lookUp) => {
    const wishes: Wish[] = [];
    for (const id of valuesOf(request.form, field)) wishes.push(await onResource(request, lookUp, id));
    return wishes;
  };
}

/** The snapshot that is copied, in the Region that it is in. */
function copied(): Check {
  return async (request, lookUp) => {
    const id = request.form.get('SourceSnapshotId') ?? '';
    const region = request.form.get('SourceRegion') ?? request.region;
    return [await onResource({ ...request, region }, lookUp, id)];
  };
}

/** The instance that a volume is attached to: DetachVolume may leave it out, and is authorised on it all the same. */
function holder(): Check {
  return async (request, lookUp) => {
    const named = request.form.get('InstanceId');
    const id = named ?? (await lookUp(request.form.get('VolumeId') ?? '')).instanceId;
    return id ? [await onResource(request, lookUp, id)] : [];
  };
}

/** A resource that is about to be made, with the tags that it will have. */
function created(type: ResourceType): Check {
  return (request) => {
    const context = {
      ...requestTagContext(tagsFor(request.form, type)),
      ...(type === 'volume' ? volumeContext(request) : {}),
    };
    return Promise.resolve([{ action: `ec2:${request.action}`, resource: arn(request, type, '*'), context }]);
  };
}

/** Tags given with a create need ec2:CreateTags on top, under `ec2:CreateAction`. */
function taggedOnCreate(type: ResourceType): Check {
  return (request) => {
    const tags = tagsFor(request.form, type);
    if (Object.keys(tags).length === 0) return Promise.resolve([]);
    const context = { ...requestTagContext(tags), 'ec2:CreateAction': request.action };
    return Promise.resolve([{ action: 'ec2:CreateTags', resource: arn(request, type, '*'), context }]);
  };
}

async function onResource(request: StorageRequest, lookUp: LookUp, id: string): Promise<Wish> {
  const { tags, missing = false } = await lookUp(id);
  return {
    action: `ec2:${request.action}`,
    resource: arn(request, typeOf(id), id),
    context: { ...resourceTagContext(tags, 'ec2'), ...requestTagContext(plainTags(request.form)) },
    missing,
  };
}

type ResourceType = 'volume' | 'snapshot' | 'instance' | 'resource';

const types: Readonly<Record<string, ResourceType>> = { vol: 'volume', snap: 'snapshot', i: 'instance' };

const typeOf = (id: string): ResourceType => own(types, id.slice(0, id.indexOf('-'))) ?? 'resource';

/** A snapshot's ARN has no account. */
const arn = ({ region, account }: StorageRequest, type: ResourceType, id: string): string =>
  `arn:aws:ec2:${region}:${type === 'snapshot' ? '' : account}:${type}/${id}`;

/** Condition keys that describe the volume which is asked for. */
function volumeContext({ form }: StorageRequest): Record<string, string> {
  const keys = {
    'ec2:VolumeSize': form.get('Size'),
    'ec2:VolumeType': form.get('VolumeType'),
    'ec2:VolumeIops': form.get('Iops'),
    'ec2:VolumeThroughput': form.get('Throughput'),
    'ec2:AvailabilityZone': form.get('AvailabilityZone'),
    'ec2:Encrypted': form.get('Encrypted'),
    'ec2:KmsKeyId': form.get('KmsKeyId'),
  };
  const given = Object.entries(keys).filter((entry): entry is [string, string] => entry[1] !== null);
  return Object.fromEntries(given);
}

function valuesOf(form: URLSearchParams, field: string): string[] {
  return [...form]
    .filter(([name]) => name === field || /^\.\d+$/.test(tail(name, field)))
    .map(([, value]) => value);
}

const tail = (name: string, field: string): string =>
  name.startsWith(field) ? name.slice(field.length) : '';

/** `TagSpecification.N.Tag.M.Key` of the specifications for one type. */
function tagsFor(form: URLSearchParams, type: ResourceType): Tags {
  const tags: Record<string, string> = {};
  for (const [name, value] of form) {
    const found = /^(TagSpecification\.\d+)\.Tag\.(\d+)\.Key$/.exec(name);
    if (!found || form.get(`${found[1]}.ResourceType`) !== type) continue;
    tags[value] = form.get(`${found[1]}.Tag.${found[2]}.Value`) ?? '';
  }
  return tags;
}

/** `Tag.N.Key` of CreateTags and DeleteTags. */
function plainTags(form: URLSearchParams): Tags {
  const tags: Record<string, string> = {};
  for (const [name, value] of form) {
    const found = /^Tag\.(\d+)\.Key$/.exec(name);
    if (found) tags[value] = form.get(`Tag.${found[1]}.Value`) ?? '';
  }
  return tags;
}
