import { own } from './own.ts';

/** What of a request tells its operation. */
export interface RequestShape {
  readonly method: string;
  /** Without the query, as sent. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly target: string | undefined;
  /** Fields of a form body, where the protocol is the query protocol. */
  readonly form: URLSearchParams | undefined;
}

interface Route {
  readonly method: string;
  readonly pattern: RegExp;
  readonly action: string;
}

const route = (method: string, pattern: RegExp, action: string): Route => ({ method, pattern, action });

const one = '[^/]+';
const path = (text: string): RegExp =>
  new RegExp(`^${text.replaceAll(/\{\w+\}/g, one).replaceAll('{rest+}', '.+')}/?$`);

/** Operations of the REST services that have a name here: those that are authorised or that faults are aimed at. */
const routes: Readonly<Record<string, readonly Route[]>> = {
  elasticfilesystem: efsRoutes(),
  backup: backupRoutes(),
  lambda: [
    route('POST', /^\/2015-03-31\/functions\/[^/]+\/invocations$/, 'Invoke'),
    route('GET', path('/2015-03-31/functions/{name}'), 'GetFunction'),
    route('GET', path('/2015-03-31/functions/{name}/configuration'), 'GetFunctionConfiguration'),
  ],
  scheduler: [
    route('POST', path('/schedules/{name}'), 'CreateSchedule'),
    route('PUT', path('/schedules/{name}'), 'UpdateSchedule'),
    route('GET', path('/schedules/{name}'), 'GetSchedule'),
    route('DELETE', path('/schedules/{name}'), 'DeleteSchedule'),
    route('GET', path('/schedules'), 'ListSchedules'),
  ],
};

function efsRoutes(): Route[] {
  const v = '/2015-02-01';
  const of = (method: string, text: string, action: string): Route => route(method, path(v + text), action);
  return [
    of('POST', '/file-systems', 'CreateFileSystem'),
    of('GET', '/file-systems', 'DescribeFileSystems'),
    of('PUT', '/file-systems/{id}', 'UpdateFileSystem'),
    of('DELETE', '/file-systems/{id}', 'DeleteFileSystem'),
    of('PUT', '/file-systems/{id}/lifecycle-configuration', 'PutLifecycleConfiguration'),
    of('GET', '/file-systems/{id}/lifecycle-configuration', 'DescribeLifecycleConfiguration'),
    of('PUT', '/file-systems/{id}/backup-policy', 'PutBackupPolicy'),
    of('GET', '/file-systems/{id}/backup-policy', 'DescribeBackupPolicy'),
    of('PUT', '/file-systems/{id}/policy', 'PutFileSystemPolicy'),
    of('GET', '/file-systems/{id}/policy', 'DescribeFileSystemPolicy'),
    of('DELETE', '/file-systems/{id}/policy', 'DeleteFileSystemPolicy'),
    of('POST', '/mount-targets', 'CreateMountTarget'),
    of('GET', '/mount-targets', 'DescribeMountTargets'),
    of('DELETE', '/mount-targets/{id}', 'DeleteMountTarget'),
    of('GET', '/mount-targets/{id}/security-groups', 'DescribeMountTargetSecurityGroups'),
    of('PUT', '/mount-targets/{id}/security-groups', 'ModifyMountTargetSecurityGroups'),
    of('POST', '/access-points', 'CreateAccessPoint'),
    of('GET', '/access-points', 'DescribeAccessPoints'),
    of('DELETE', '/access-points/{id}', 'DeleteAccessPoint'),
    of('POST', '/resource-tags/{id}', 'TagResource'),
    of('DELETE', '/resource-tags/{id}', 'UntagResource'),
    of('GET', '/resource-tags/{id}', 'ListTagsForResource'),
    of('POST', '/create-tags/{id}', 'CreateTags'),
    of('POST', '/delete-tags/{id}', 'DeleteTags'),
    of('GET', '/tags/{id}', 'DescribeTags'),
  ];
}

function backupRoutes(): Route[] {
  const of = (method: string, text: string, action: string): Route => route(method, path(text), action);
  const point = '/backup-vaults/{name}/recovery-points/{arn}';
  return [
    of('PUT', '/backup-vaults/{name}', 'CreateBackupVault'),
    of('GET', '/backup-vaults', 'ListBackupVaults'),
    of('GET', '/backup-vaults/{name}', 'DescribeBackupVault'),
    of('DELETE', '/backup-vaults/{name}', 'DeleteBackupVault'),
    of('PUT', '/backup-jobs', 'StartBackupJob'),
    of('GET', '/backup-jobs', 'ListBackupJobs'),
    of('GET', '/backup-jobs/{id}', 'DescribeBackupJob'),
    of('POST', '/backup-jobs/{id}', 'StopBackupJob'),
    of('PUT', '/restore-jobs', 'StartRestoreJob'),
    of('GET', '/restore-jobs', 'ListRestoreJobs'),
    of('GET', '/restore-jobs/{id}', 'DescribeRestoreJob'),
    of('GET', '/restore-jobs/{id}/metadata', 'GetRestoreJobMetadata'),
    of('PUT', '/copy-jobs', 'StartCopyJob'),
    of('GET', '/copy-jobs/{id}', 'DescribeCopyJob'),
    of('GET', '/backup-vaults/{name}/recovery-points', 'ListRecoveryPointsByBackupVault'),
    of('GET', point, 'DescribeRecoveryPoint'),
    of('POST', point, 'UpdateRecoveryPointLifecycle'),
    of('DELETE', point, 'DeleteRecoveryPoint'),
    of('GET', `${point}/restore-metadata`, 'GetRecoveryPointRestoreMetadata'),
    of('GET', '/resources/{arn}/recovery-points', 'ListRecoveryPointsByResource'),
    of('GET', '/resources/{arn}', 'DescribeProtectedResource'),
    of('GET', '/resources', 'ListProtectedResources'),
    of('POST', '/tags/{arn}', 'TagResource'),
    of('POST', '/untag/{arn}', 'UntagResource'),
    of('GET', '/tags/{arn}', 'ListTags'),
  ];
}

/**
 * The operation that a request is for: `X-Amz-Target`'s, the query protocol's `Action`, Smithy RPC's path, a REST route
 * with a name, S3's by method and sub-resource; otherwise `METHOD /path`.
 */
export function operationOf(service: string, request: RequestShape): string {
  const { method, target, form, query } = request;
  const named = target?.split('.').at(-1) ?? form?.get('Action') ?? query.get('Action');
  if (named) return named;
  const rpc = /^\/service\/[^/]+\/operation\/([^/]+)$/.exec(request.path);
  if (rpc?.[1]) return rpc[1];
  if (service === 's3') return s3Operation(request);
  const found = own(routes, service)?.find(
    (candidate) => candidate.method === method && candidate.pattern.test(request.path),
  );
  return found?.action ?? `${method} ${request.path}`;
}

const s3Names: Readonly<Record<string, string>> = {
  GET: 'GetObject',
  PUT: 'PutObject',
  HEAD: 'HeadObject',
  DELETE: 'DeleteObject',
};

function s3Operation({ method, path: at, query }: RequestShape): string {
  const inBucket = at.split('/').filter(Boolean).length > 1;
  if (method === 'GET' && query.has('list-type')) return 'ListObjectsV2';
  if (method === 'PUT' && query.has('partNumber')) return 'UploadPart';
  if (method === 'POST' && query.has('uploads')) return 'CreateMultipartUpload';
  if (method === 'POST' && query.has('uploadId')) return 'CompleteMultipartUpload';
  if (method === 'POST' && query.has('delete')) return 'DeleteObjects';
  return inBucket ? (own(s3Names, method) ?? `${method} object`) : `${method} bucket`;
}
