import type {
  CreateTagsRequest,
  DeleteTagsRequest,
  DescribeTagsRequest,
  DescribeTagsResult,
  ResourceType,
  TagSpecification,
} from '@aws-sdk/client-ec2';
import type { Call, Cloud } from '../cloud.ts';
import { AwsError } from '../errors.ts';
import type { Tag } from '../state/entities.ts';
import type { View } from '../state/store.ts';
import { applyFilters, type FilterTable } from './filters.ts';
import { instanceOf, snapshotOf, volumeOf } from './lookup.ts';
import { pageOf } from './paging.ts';

const mostTags = 50;

/** The tags for a resource that is being made. @throws AwsError for another type, or tags that EC2 refuses */
export function tagsFor(
  type: ResourceType,
  specifications: readonly TagSpecification[] | undefined,
): readonly Tag[] {
  const all = specifications ?? [];
  const odd = all.find((one) => one.ResourceType !== type);
  if (odd)
    throw new AwsError(
      'InvalidParameterValue',
      `'${odd.ResourceType ?? ''}' is not a valid taggable resource type for this operation.`,
    );
  if (all.length > 1)
    throw new AwsError(
      'InvalidParameterValue',
      `Tag specification resource type '${type}' is given more than once`,
    );
  if (all[0] && (all[0].Tags ?? []).length === 0)
    throw new AwsError('InvalidParameterValue', 'Tag specification must have at least one tag');
  return checkTags(all.flatMap((one) => one.Tags ?? []));
}

function checkTags(
  tags: readonly { Key?: string | undefined; Value?: string | undefined }[],
): readonly Tag[] {
  const clean = tags.map((tag) => ({ Key: tag.Key ?? '', Value: tag.Value ?? '' }));
  for (const { Key: key, Value: value } of clean) {
    if (key === '') throw new AwsError('MissingParameter', 'The request must contain the parameter Tag.Key');
    if (key.length > 127)
      throw new AwsError(
        'InvalidParameterValue',
        `Tag key exceeds the maximum length of 127 characters: ${key}`,
      );
    if (value.length > 256)
      throw new AwsError(
        'InvalidParameterValue',
        `Tag value exceeds the maximum length of 256 characters: ${value}`,
      );
    if (/^aws:/i.test(key))
      throw new AwsError(
        'InvalidParameterValue',
        `Tag keys starting with 'aws:' are reserved for internal use`,
      );
  }
  if (new Set(clean.map((tag) => tag.Key)).size !== clean.length)
    throw new AwsError('InvalidParameterValue', 'Duplicate tag key given');
  if (clean.length > mostTags)
    throw new AwsError('TagLimitExceeded', `The maximum number of tags per resource is ${mostTags}`);
  return clean;
}

type Taggable = 'volumes' | 'snapshots' | 'instances';
const taggable: Readonly<Record<string, Taggable>> = { vol: 'volumes', snap: 'snapshots', i: 'instances' };
const typeNames = { volumes: 'volume', snapshots: 'snapshot', instances: 'instance' } as const;

interface Tagged {
  readonly kind: Taggable;
  readonly id: string;
  readonly tags: readonly Tag[];
}

function resourceOf(view: View, call: Call, id: string): Tagged {
  const kind = taggable[/^([a-z]+)-/.exec(id)?.[1] ?? ''];
  if (kind === undefined) throw new AwsError('InvalidID', `The ID '${id}' is not valid`);
  const find = { volumes: volumeOf, snapshots: snapshotOf, instances: instanceOf }[kind];
  return { kind, id, tags: find(view, call, id).tags };
}

export async function createTags(cloud: Cloud, call: Call, input: CreateTagsRequest): Promise<void> {
  const tags = checkTags(input.Tags ?? []);
  const resources = (input.Resources ?? []).map((id) => resourceOf(cloud.store, call, id));
  const changed = resources.map((resource) => {
    const kept = resource.tags.filter(({ Key }) => !tags.some((tag) => tag.Key === Key));
    return { ...resource, tags: checkTags([...kept, ...tags]) };
  });
  for (const { kind, id, tags: next } of changed) cloud.store.patch(kind, id, { tags: next });
  await cloud.store.commit();
}

export async function deleteTags(cloud: Cloud, call: Call, input: DeleteTagsRequest): Promise<void> {
  const gone = input.Tags;
  for (const { kind, id, tags } of (input.Resources ?? []).map((one) => resourceOf(cloud.store, call, one))) {
    // A key alone goes whatever its value; a key with a value only if that is the tag's.
    const kept = tags.filter(
      (tag) =>
        gone?.some((one) => one.Key === tag.Key && (one.Value === undefined || one.Value === tag.Value)) ===
        false,
    );
    cloud.store.patch(kind, id, { tags: kept });
  }
  await cloud.store.commit();
}

interface TagRow {
  readonly id: string;
  readonly type: ResourceType;
  readonly tag: Tag;
}

const rowFilters: FilterTable<TagRow> = {
  key: ({ tag }) => [tag.Key],
  value: ({ tag }) => [tag.Value],
  'resource-id': ({ id }) => [id],
  'resource-type': ({ type }) => [type],
  tag: ({ tag }) => [`${tag.Key}\0${tag.Value}`],
};

export async function describeTags(
  cloud: Cloud,
  call: Call,
  input: DescribeTagsRequest,
): Promise<DescribeTagsResult> {
  const rows = (['volumes', 'snapshots', 'instances'] as const).flatMap((kind) =>
    call.view
      .list(kind)
      .filter(({ region }) => region === call.region)
      .flatMap(({ id, tags }) => tags.map((tag): TagRow => ({ id, type: typeNames[kind], tag }))),
  );
  const { items, next } = pageOf(cloud, call, {
    items: applyFilters(rowFilters, rows, input.Filters),
    input,
    key: (row) => `${row.id}/${row.tag.Key}`,
  });
  return {
    Tags: items.map(({ id, type, tag }) => ({ ResourceId: id, ResourceType: type, ...tag })),
    ...next,
  };
}
