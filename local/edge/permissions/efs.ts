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

type Where = (request: StorageRequest, lookUp: LookUp) => string | Promise<string>;

/**
 * What EFS checks for each action, after the Service Authorization Reference of Amazon EFS: where the id of the
 * resource stands. An action that is not listed is checked against `*`.
 */
const rules: Readonly<Record<string, Where>> = {
  CreateFileSystem: () => 'fs-*',
  DescribeFileSystems: ({ query }) => query.get('FileSystemId') ?? 'fs-*',
  UpdateFileSystem: inPath,
  DeleteFileSystem: inPath,
  PutLifecycleConfiguration: inPath,
  DescribeLifecycleConfiguration: inPath,
  PutBackupPolicy: inPath,
  DescribeBackupPolicy: inPath,
  PutFileSystemPolicy: inPath,
  DescribeFileSystemPolicy: inPath,
  DeleteFileSystemPolicy: inPath,
  CreateTags: inPath,
  DeleteTags: inPath,
  DescribeTags: inPath,
  CreateMountTarget: ({ body }) => text(body['FileSystemId']),
  DescribeMountTargets: async ({ query }, lookUp) =>
    query.get('FileSystemId') ??
    query.get('AccessPointId') ??
    (await fileSystemOf(lookUp, query.get('MountTargetId'))),
  DeleteMountTarget: (request, lookUp) => fileSystemOf(lookUp, inPath(request)),
  DescribeMountTargetSecurityGroups: (request, lookUp) => fileSystemOf(lookUp, inPath(request)),
  ModifyMountTargetSecurityGroups: (request, lookUp) => fileSystemOf(lookUp, inPath(request)),
  CreateAccessPoint: ({ body }) => text(body['FileSystemId']),
  DescribeAccessPoints: ({ query }) => query.get('AccessPointId') ?? query.get('FileSystemId') ?? 'fsap-*',
  DeleteAccessPoint: inPath,
  TagResource: inPath,
  UntagResource: inPath,
  ListTagsForResource: inPath,
};

/** What a tagged create makes: tags need elasticfilesystem:TagResource on top. */
const makes: Readonly<Record<string, string>> = { CreateFileSystem: 'fs-*', CreateAccessPoint: 'fsap-*' };

export const efsRule: Rule = async (request, lookUp) => {
  const action = `elasticfilesystem:${request.action}`;
  const id = await own(rules, request.action)?.(request, lookUp);
  if (!id) return [{ action, resource: '*' }];
  const tags = requestTags(request);
  const facts = await lookUp(id);
  const context = { ...requestTagContext(tags), ...resourceTagContext(facts.tags) };
  const { missing = false } = facts;
  return [{ action, resource: arn(request, id), context, missing }, ...taggedOnCreate(request, tags)];
};

function taggedOnCreate(request: StorageRequest, tags: Tags): Wish[] {
  const made = own(makes, request.action);
  if (made === undefined || Object.keys(tags).length === 0) return [];
  const context = { ...requestTagContext(tags), 'elasticfilesystem:CreateAction': request.action };
  return [{ action: 'elasticfilesystem:TagResource', resource: arn(request, made), context }];
}

/** `/2015-02-01/file-systems/fs-1/policy`: the third segment. It may be an ARN. */
function inPath({ path }: StorageRequest): string {
  const segment = decodeURIComponent(path.split('/')[3] ?? '');
  return segment.startsWith('arn:') ? segment.slice(segment.lastIndexOf('/') + 1) : segment;
}

async function fileSystemOf(lookUp: LookUp, id: string | null): Promise<string> {
  return (id && (await lookUp(id)).fileSystemId) || 'fs-*';
}

const arn = ({ region, account }: StorageRequest, id: string): string =>
  `arn:aws:elasticfilesystem:${region}:${account}:${id.startsWith('fsap-') ? 'access-point' : 'file-system'}/${id.replace(/^fs(?:ap)?-\*$/, '*')}`;

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function requestTags({ body }: StorageRequest): Tags {
  const tags = Array.isArray(body['Tags']) ? (body['Tags'] as readonly unknown[]) : [];
  return Object.fromEntries(
    tags
      .filter(
        (tag): tag is { Key: unknown; Value: unknown } =>
          typeof tag === 'object' && tag !== null && 'Key' in tag,
      )
      .map((tag) => [text(tag.Key), text(tag.Value)]),
  );
}
