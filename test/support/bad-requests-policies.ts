import type { ApiRequest } from './api-world.ts';

type BadRequest = readonly [title: string, request: ApiRequest];

const policies = '/v1/namespaces/default/policies';
const nightly = { name: 'bad-request', schedule: '0 2 * * *', selector: 'backup=true' };
const minio = {
  endpoint: 'https://minio.example:9000',
  bucket: 'backups',
  credentialsSecret: 'hivemind/endpoints/minio',
};
const policy = (title: string, parts: Record<string, unknown>): BadRequest => [
  `policy: ${title}`,
  { method: 'POST', path: policies, body: { ...nightly, ...parts } },
];
const aRun = `run-${'0'.repeat(26)}-20261130T020000000Z`;

/** Requests about backup policies that must be refused. */
export const badPolicyRequests: readonly BadRequest[] = [
  policy('no name', { name: undefined }),
  policy('name with a slash', { name: 'a/b' }),
  policy('no schedule', { schedule: undefined }),
  policy('schedule of EventBridge', { schedule: 'cron(0 2 * * ? *)' }),
  policy('schedule of six fields', { schedule: '0 0 2 * * *' }),
  policy('schedule sets both days', { schedule: '0 2 1 * MON' }),
  policy('schedule that never comes', { schedule: '0 2 30 2 *' }),
  policy('minute 60', { schedule: '60 2 * * *' }),
  policy('zone an offset', { timezone: '+01:00' }),
  policy('no selector', { selector: undefined }),
  policy('selector empty', { selector: ' ' }),
  policy('selector no condition', { selector: 'a b' }),
  policy('keep nothing', { retention: { last: 0 } }),
  policy('keep a rule that is none', { retention: { hourly: 3 } }),
  policy('objective no duration', { objective: 'soon' }),
  policy('objective too short', { objective: '1m' }),
  policy('consistency unknown', { consistency: 'sync' }),
  policy('engine unknown', { engine: 'tar' }),
  policy('hooks with restic, which runs none', { engine: 'restic', hooks: { before: ['sync'] } }),
  policy('frozen for restic', { engine: 'restic', consistency: 'freeze' }),
  policy('a bucket with native', { repository: minio }),
  policy('a bucket without its name', { engine: 'restic', repository: { ...minio, bucket: undefined } }),
  policy('a bucket with keys in it', {
    engine: 'restic',
    repository: { ...minio, accessKeyId: 'AKIA', credentialsSecret: 'minio' },
  }),
  policy('a copy in a zone', { copyTo: 'eu-west-1a' }),
  policy('a copy where there is no key', { copyTo: 'sa-east-1' }),
  policy('unknown setting', { keepLast: 3 }),
  ['policies: ?limit=0', { path: policies, query: 'limit=0' }],
  ['policies: ?cursor=x', { path: policies, query: 'cursor=x' }],
  ['policy: none', { path: `${policies}/none` }],
  ['policy: no name of one', { path: `${policies}/-x` }],
  ['policy update: none', { method: 'PATCH', path: `${policies}/none`, body: { timezone: 'UTC' } }],
  [
    'policy update: hooks that never run',
    {
      method: 'PATCH',
      path: `${policies}/none`,
      body: { consistency: 'freeze', hooks: { after: ['sync'] } },
    },
  ],
  ['policy update: nothing', { method: 'PATCH', path: `${policies}/none`, body: {} }],
  ['policy update: name', { method: 'PATCH', path: `${policies}/none`, body: { name: 'other' } }],
  ['policy update: engine', { method: 'PATCH', path: `${policies}/none`, body: { engine: 'tar' } }],
  [
    'policy update: bucket a name',
    { method: 'PATCH', path: `${policies}/none`, body: { repository: 'backups' } },
  ],
  ['policy delete: none', { method: 'DELETE', path: `${policies}/none` }],
  ['policy pause: none', { method: 'POST', path: `${policies}/none/pause` }],
  ['policy resume: none', { method: 'POST', path: `${policies}/none/resume` }],
  ['policy run: none', { method: 'POST', path: `${policies}/none/runs` }],
  ['policy preview: none', { path: `${policies}/none/preview` }],
  ['policy runs: none', { path: `${policies}/none/runs` }],
  ['policy run: no id', { path: `${policies}/none/runs/latest` }],
  ['policy run: of none', { path: `${policies}/none/runs/${aRun}` }],
  ['policy run volumes: of none', { path: `${policies}/none/runs/${aRun}/volumes` }],
  ['policy run volumes: state', { path: `${policies}/none/runs/${aRun}/volumes`, query: 'state=open' }],
  ['policy: a method', { method: 'PUT', path: `${policies}/none`, body: {} }],
];
