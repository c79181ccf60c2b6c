import { encodeCursor } from '#functions/volumes/cursor.ts';
import { badBackupRequests } from './bad-backup-requests.ts';
import { badTransferRequests } from './bad-transfer-requests.ts';
import type { ApiRequest } from './api-world.ts';
import { badPolicyRequests } from './bad-requests-policies.ts';

/** One request that must be refused, and what it says. Routes of people: any endpoint can be asked. */
export type BadRequest = readonly [title: string, request: ApiRequest];

const volumes = '/v1/namespaces/default/volumes';
const hosts = '/v1/namespaces/default/hosts';
const operations = '/v1/namespaces/default/operations';
const aHost = 'i-0123456789abcdef0';

const create = (title: string, body: unknown): BadRequest => [
  `create: ${title}`,
  { method: 'POST', path: volumes, body },
];
const made = (title: string, parts: Record<string, unknown>): BadRequest =>
  create(title, { name: 'bad-request', ...parts });
const raw = (title: string, body: string, headers: Record<string, string> = {}): BadRequest => [
  `body: ${title}`,
  { method: 'POST', path: volumes, body, headers },
];
const post = (path: string, title: string, body: unknown): BadRequest => [
  `${path.startsWith('/api/') ? path : path.split('/').at(-1)}: ${title}`,
  { method: 'POST', path, body },
];
const list = (query: string, path = volumes): BadRequest => [
  `list ${path}: ?${query.length > 60 ? `${query.slice(0, 40)}…${query.slice(-12)}` : query}`,
  { path, query },
];

const names: BadRequest[] = [
  create('no name', {}),
  create('name null', { name: null }),
  create('name a number', { name: 7 }),
  create('name a list', { name: ['a'] }),
  create('name empty', { name: '' }),
  create('name of 129 characters', { name: 'a'.repeat(129) }),
  ...[
    '.hidden',
    '-dash',
    '_under',
    'a b',
    'a/b',
    '..',
    '.',
    '../etc',
    'a\u0000b',
    'ä',
    'a:b',
    'a\n',
    ' a',
    'a%2fb',
    '💾',
    'a\\b',
    '$(id)',
    "a'b",
  ].map((name) => create(`name ${JSON.stringify(name)}`, { name })),
];

const sizes: BadRequest[] = [
  ...[
    '',
    '0',
    '0G',
    '-1G',
    '+1G',
    '1X',
    '10 GB G',
    'G',
    '1e9',
    '1,5G',
    'ten',
    '0x10',
    '1.1234567G',
    'NaN',
    'Infinity',
    '1PB',
    '9'.repeat(33),
    '12i',
    '10GiBs',
    '1.5',
  ].map((size) =>
    made(`size ${JSON.stringify(size.length > 20 ? `${size.slice(0, 20)}…` : size)}`, { size }),
  ),
  ...[0, -1, 1.5, true, null, [10], { G: 10 }, 9007199254740992].map((size) =>
    made(`size ${JSON.stringify(size)}`, { size }),
  ),
  made('size beyond the largest EBS volume', { size: '64.000001T' }),
  made('size 65Ti', { size: '65Ti' }),
  made('size of a hostpath', { type: 'hostpath', size: '1G', options: { path: '/data/x' } }),
];

const labels: BadRequest[] = [
  made('labels a text', { labels: 'app=db' }),
  made('labels a list', { labels: ['app=db'] }),
  made('labels null', { labels: null }),
  ...['', '-a', 'a-', 'a b', 'ä', 'a=b', '!a', 'a'.repeat(64), 'a,b', '#a'].map((key) =>
    made(`label key ${JSON.stringify(key.slice(0, 20))}`, { labels: { [key]: 'x' } }),
  ),
  ...[7, true, null, ['x'], 'x'.repeat(129), 'a,b', 'a"b', 'a\nb', 'ä', '<b>'].map((value) =>
    made(`label value ${JSON.stringify(value).slice(0, 20)}`, { labels: { app: value } }),
  ),
  made('41 labels', {
    labels: Object.fromEntries(Array.from({ length: 41 }, (_, at) => [`k${at}`, 'v'])),
  }),
];

const types: BadRequest[] = [
  ...['Local', 'nfs', 'block', '', 'ebs', 'toString'].map((type) =>
    made(`type ${JSON.stringify(type)}`, { type }),
  ),
  made('type a number', { type: 1 }),
  made('type of 65 characters', { type: 't'.repeat(65) }),
  ...['host', 'nfs', 'smb', 'efs', 'zfs', ''].map((driver) =>
    made(`driver ${JSON.stringify(driver)} of local`, { driver }),
  ),
  made('driver nfs of network', { type: 'network', driver: 'nfs' }),
  made('driver smb of network', { type: 'network', driver: 'smb' }),
  made('driver ebs of network', { type: 'network', driver: 'ebs' }),
  made('driver tmpfs of hostpath', { type: 'hostpath', driver: 'tmpfs', options: { path: '/data/x' } }),
  made('network with a server of its own', {
    type: 'network',
    options: { server: 'nas.example.com', path: '/exports/data' },
  }),
  made('network with a path', { type: 'network', options: { path: '/exports/data' } }),
  made('network unencrypted', { type: 'network', encrypted: false }),
  made('hostpath encrypted', { type: 'hostpath', options: { path: '/data/x' }, encrypted: true }),
  made('ephemeral encrypted', { type: 'ephemeral', encrypted: true }),
  ...['ntfs', 'btrfs', 'EXT4', ''].map((filesystem) =>
    made(`filesystem ${JSON.stringify(filesystem)}`, { filesystem }),
  ),
  made('filesystem of ephemeral', { type: 'ephemeral', filesystem: 'ext4' }),
  made('filesystem of network', { type: 'network', filesystem: 'xfs' }),
];

const paths: BadRequest[] = [
  made('hostpath without a path', { type: 'hostpath' }),
  ...[
    '',
    'data/x',
    '/',
    '/data',
    '/etc',
    '/etc/passwd',
    '/data/../etc',
    '/data/./x',
    '/data//x',
    '/data/x/',
    '/data/x/..',
    '/database/x',
    '/mnt/../mnt/x',
    '/srv/\u0000x',
    '/var/lib/hivemind/../docker',
    '~/x',
    '/root/.ssh',
    '/proc/1/root',
    '/data/x\n',
  ].map((path) => made(`path ${JSON.stringify(path)}`, { type: 'hostpath', options: { path } })),
  made('path of an EBS volume', { options: { path: '/data/x' } }),
  made('owner of a hostpath', { type: 'hostpath', options: { path: '/data/x' }, owner: { uid: 1 } }),
];

const options: BadRequest[] = [
  made('options a text', { options: 'path=/data' }),
  made('option with a number', { options: { mountOptions: 1 } }),
  made('option unknown', { options: { speed: 'fast' } }),
  made('option name with a space', { options: { 'a b': 'x' } }),
  made('option of 1025 characters', { options: { mountOptions: 'x'.repeat(1025) } }),
  made('21 options', { options: Object.fromEntries(Array.from({ length: 21 }, (_, at) => [`o${at}`, 'v'])) }),
  ...[
    'exec',
    'suid',
    'dev',
    'bind',
    'noatime,suid',
    'context=x',
    'uid=0',
    'errors=continue',
    'noatime;reboot',
    '-o loop',
  ].map((mountOptions) => made(`mount option ${mountOptions}`, { options: { mountOptions } })),
  made('xfs option on ext4', { options: { mountOptions: 'largeio' } }),
  made('ext4 option on tmpfs', { type: 'ephemeral', options: { mountOptions: 'data=journal' } }),
];

const rest: BadRequest[] = [
  made('unknown field', { colour: 'red' }),
  made('two unknown fields', { colour: 'red', Size: '1G' }),
  create('__proto__', JSON.parse('{"name":"bad-request","__proto__":{"x":1}}')),
  made('description a number', { description: 1 }),
  made('description of 1025 characters', { description: 'd'.repeat(1025) }),
  made('readOnly a text', { readOnly: 'yes' }),
  made('encrypted a number', { encrypted: 1 }),
  made('protected null', { protected: null }),
  ...[
    { uid: -1 },
    { uid: 1.5 },
    { uid: '0' },
    { gid: 4294967295 },
    { mode: '9999' },
    { mode: 755 },
    { mode: '07555' },
    { user: 'root' },
    'root',
    null,
  ].map((owner) => made(`owner ${JSON.stringify(owner)}`, { owner })),
  ...['us-east-1', 'a', '', 'us-east-1A', 'eu-west-1a', 'us-east-1a; drop'].map((availabilityZone) =>
    made(`zone ${JSON.stringify(availabilityZone)}`, { availabilityZone }),
  ),
  made('zone of a network volume', { type: 'network', availabilityZone: 'us-east-1a' }),
];

const bodies: BadRequest[] = [
  raw('empty', ''),
  raw('not JSON', '{name: x}'),
  raw('cut off', '{"name": "x"'),
  raw('a text', '"x"'),
  raw('a number', '7'),
  raw('null', 'null'),
  raw('a list', '[{"name":"x"}]'),
  raw('two documents', '{"name":"x"}{"name":"y"}'),
  raw('huge', `{"name":"x","description":"${'d'.repeat(140_000)}"}`),
  raw('XML', '<name>x</name>', { 'content-type': 'application/xml' }),
  raw('a form', 'name=x', { 'content-type': 'application/x-www-form-urlencoded' }),
  raw('JSON that says it is text', '{"name":"x"}', { 'content-type': 'text/plain' }),
  raw('JSON of another kind', '{"name":"x"}', { 'content-type': 'application/jsonp' }),
  ['body: on a GET', { path: volumes, body: { name: 'x' } }],
  ['body: on a DELETE', { method: 'DELETE', path: `${volumes}/none`, body: { force: true } }],
  [
    'header: idempotency key with a space',
    { method: 'POST', path: volumes, body: { name: 'x' }, headers: { 'idempotency-key': 'a b' } },
  ],
  [
    'header: idempotency key of 256 characters',
    { method: 'POST', path: volumes, body: { name: 'x' }, headers: { 'idempotency-key': 'k'.repeat(256) } },
  ],
];

const lists: BadRequest[] = [
  ...[
    'limit=0',
    'limit=-1',
    'limit=1001',
    'limit=ten',
    'limit=1.5',
    'limit=',
    'limit=1&limit=2',
    'type=nfs',
    'type=',
    'deleted=yes',
    'deleted=1',
    'colour=red',
    'name=x',
    'label=a b',
    'label=!',
    'label==x',
    'label=a%00b',
    `label=${'a'.repeat(513)}`,
    `${'label=a&'.repeat(41)}label=a`,
  ].map((query) => list(query)),
  ...['cursor=', 'cursor=x', 'cursor=e30', 'cursor=%00', `cursor=${'A'.repeat(2049)}`].map((query) =>
    list(query),
  ),
  list(`cursor=${Buffer.from('{"p":"NS#default#NAMES"}').toString('base64url')}`),
  list(`cursor=${Buffer.from('{"p":"NS#default#NAMES","s":""}').toString('base64url')}`),
  list(`cursor=${Buffer.from('{"p":"NS#default#NAMES","s":"a","x":1}').toString('base64url')}`),
  list(`cursor=${Buffer.from('{"p": "NS#default#NAMES","s":"a"}').toString('base64url')}`),
  list(`cursor=${encodeCursor('NS#other#NAMES', 'a')}`),
  list(`cursor=${encodeCursor('NS#default#DELETED', 'a')}`),
  list(`label=a%3Db&cursor=${encodeCursor('NS#default#NAMES', 'a')}`),
  list('cursor=x', '/api/volumes'),
  list('limit=2000', '/api/volumes'),
  list('status=done', operations),
  list('volume=..', operations),
  list('cursor=x', operations),
  list('limit=x', hosts),
  list('label=a', hosts),
];

const calls: BadRequest[] = [
  ...['Default', 'a_b', '-a', 'a'.repeat(64), '%2e%2e', 'a%20b'].map((namespace): BadRequest => [
    `namespace ${namespace.slice(0, 20)}`,
    { path: `/v1/namespaces/${namespace}/volumes` },
  ]),
  ...['%2e%2e', '%2Fetc', 'a%00b', '.a', 'a%ZZ'].map((name): BadRequest => [
    `get ${name}`,
    { path: `${volumes}/${name}` },
  ]),
  ['get: none', { path: `${volumes}/none` }],
  ['delete: none', { method: 'DELETE', path: `${volumes}/none` }],
  ['delete: force=yes', { method: 'DELETE', path: `${volumes}/none`, query: 'force=yes' }],
  ['delete: unknown query', { method: 'DELETE', path: `${volumes}/none`, query: 'really=true' }],
  ['update: nothing', { method: 'PATCH', path: `${volumes}/none`, body: {} }],
  ['update: size', { method: 'PATCH', path: `${volumes}/none`, body: { size: '20G' } }],
  ['update: name', { method: 'PATCH', path: `${volumes}/none`, body: { name: 'other' } }],
  ['update: labels null', { method: 'PATCH', path: `${volumes}/none`, body: { labels: null } }],
  [
    'update: hooks that never run',
    {
      method: 'PATCH',
      path: `${volumes}/none`,
      body: { backups: { consistency: 'none', hooks: { before: ['sync'] } } },
    },
  ],
  ['update: none', { method: 'PATCH', path: `${volumes}/none`, body: { protected: true } }],
  post(`${volumes}/none/undelete`, 'none', {}),
  post(`${volumes}/none/undelete`, 'as ..', { as: '..' }),
  post(`${volumes}/none/undelete`, 'id of another kind', { id: 'vol-0123456789abcdef0' }),
  post(`${volumes}/none/attach`, 'no host', {}),
  post(`${volumes}/none/attach`, 'host a name', { host: 'web-1' }),
  post(`${volumes}/none/attach`, 'host in capitals', { host: 'I-0123456789ABCDEF0' }),
  post(`${volumes}/none/attach`, 'unknown host', { host: aHost }),
  post(`${volumes}/none/attach`, 'force a text', { host: aHost, forceDetach: 'true' }),
  post(`${volumes}/none/attach`, 'epoch', { host: aHost, epoch: 1 }),
  post(`${volumes}/none/detach`, 'none', {}),
  post(`${volumes}/none/detach`, 'host null', { host: null }),
  post(`${hosts}/${aHost}/drain`, 'unknown host', {}),
  post(`${hosts}/${aHost}/drain`, 'draining a text', { draining: 'yes' }),
  ['host: none', { path: `${hosts}/${aHost}` }],
  ['host: a name', { path: `${hosts}/web-1` }],
  ['operation: none', { path: `${operations}/op-${'0'.repeat(26)}` }],
  ['operation: no id', { path: `${operations}/latest` }],
  post('/api/volumes/create', 'no name', { size: '10G' }),
  post('/api/volumes/create', 'mountPath', { name: 'x', mountPath: '/data' }),
  post('/api/volumes/delete', 'no name', { force: true }),
  post('/api/volumes/delete', 'purge', { name: 'none', purge: true }),
  post('/api/volumes/delete', 'force a text', { name: 'none', force: 'yes' }),
  post('/api/volumes/delete', 'none', { name: 'none', force: false }),
  post('/api/deploy', 'anything', { image: 'mysql:8', name: 'mysql-db' }),
];

const elsewhere: BadRequest[] = [
  ['route: the root', { path: '/' }],
  ['route: none', { path: '/v2/volumes' }],
  ['route: a slash at the end', { path: `${volumes}/` }],
  ['route: a name with a slash', { path: `${volumes}/a/b` }],
  ['route: dots', { path: '/v1/namespaces/../identity' }],
  ['method: PUT', { method: 'PUT', path: `${volumes}/none`, body: {} }],
  ['method: DELETE of all', { method: 'DELETE', path: volumes }],
  ['method: POST on one', { method: 'POST', path: `${volumes}/none`, body: {} }],
  ['method: GET of an action', { path: `${volumes}/none/attach` }],
  ['method: POST of identity', { method: 'POST', path: '/v1/identity', body: {} }],
];

export const badRequests: readonly BadRequest[] = [
  ...names,
  ...sizes,
  ...labels,
  ...types,
  ...paths,
  ...options,
  ...rest,
  ...bodies,
  ...lists,
  ...calls,
  ...badBackupRequests,
  ...badPolicyRequests,
  ...badTransferRequests,
  ...elsewhere,
];
