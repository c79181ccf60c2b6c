import { describe, expect, it } from 'vitest';
import { operationOf } from '#local/edge/operations.ts';

interface Call {
  readonly service: string;
  /** `METHOD /path?query` */
  readonly call: string;
  readonly target?: string;
  readonly form?: string;
  readonly is: string;
}

const points = '/backup-vaults/v/recovery-points';

const calls: readonly Call[] = [
  { service: 'dynamodb', call: 'POST /', target: 'DynamoDB_20120810.GetItem', is: 'GetItem' },
  { service: 'states', call: 'POST /', target: 'AWSStepFunctions.StartExecution', is: 'StartExecution' },
  { service: 'sts', call: 'POST /', form: 'Action=AssumeRole&Version=2011-06-15', is: 'AssumeRole' },
  { service: 'ec2', call: 'GET /?Action=DescribeVolumes', is: 'DescribeVolumes' },
  { service: 'monitoring', call: 'POST /service/Granite/operation/PutMetricData', is: 'PutMetricData' },
  { service: 'lambda', call: 'POST /2015-03-31/functions/arn%3Aaws/invocations', is: 'Invoke' },
  { service: 'scheduler', call: 'POST /schedules/nightly', is: 'CreateSchedule' },
  { service: 'elasticfilesystem', call: 'POST /2015-02-01/access-points', is: 'CreateAccessPoint' },
  { service: 'elasticfilesystem', call: 'DELETE /2015-02-01/access-points/fsap-1', is: 'DeleteAccessPoint' },
  {
    service: 'elasticfilesystem',
    call: 'GET /2015-02-01/file-systems/fs-1/policy',
    is: 'DescribeFileSystemPolicy',
  },
  { service: 'elasticfilesystem', call: 'GET /2015-02-01/resource-tags/fsap-1', is: 'ListTagsForResource' },
  { service: 'backup', call: 'GET /backup-vaults/', is: 'ListBackupVaults' },
  { service: 'backup', call: 'PUT /backup-jobs', is: 'StartBackupJob' },
  { service: 'backup', call: `GET ${points}/arn%3Aaws%3Abackup`, is: 'DescribeRecoveryPoint' },
  {
    service: 'backup',
    call: `GET ${points}/arn%3Aaws/restore-metadata`,
    is: 'GetRecoveryPointRestoreMetadata',
  },
  { service: 's3', call: 'PUT /bucket/key', is: 'PutObject' },
  { service: 's3', call: 'GET /bucket?list-type=2', is: 'ListObjectsV2' },
  { service: 's3', call: 'POST /bucket/key?uploads', is: 'CreateMultipartUpload' },
  { service: 's3', call: 'PUT /bucket/key?partNumber=1&uploadId=x', is: 'UploadPart' },
  { service: 'other', call: 'GET /some/where', is: 'GET /some/where' },
  { service: 'constructor', call: 'GET /some/where', is: 'GET /some/where' },
];

describe('the operation of a call', () => {
  it.each(calls)('$service $call is $is', ({ service, call, target, form, is }) => {
    const [method = '', url = ''] = call.split(' ');
    const [path = '', search = ''] = url.split('?');
    const fields = form === undefined ? undefined : new URLSearchParams(form);
    expect(
      operationOf(service, { method, path, query: new URLSearchParams(search), target, form: fields }),
    ).toBe(is);
  });
});
