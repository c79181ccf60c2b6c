import type { BadRequest } from './bad-requests.ts';

const backups = '/v1/namespaces/default/backups';
const one = `${backups}/bak-${'0'.repeat(26)}`;
const ofVolume = '/v1/namespaces/default/volumes/none/backups';

const post = (path: string, title: string, body: unknown): BadRequest => [
  `backup ${path === ofVolume ? 'create' : (path.split('/').at(-1) ?? '')}: ${title}`,
  { method: 'POST', path, body },
];

/** Requests about backups that must be refused. */
export const badBackupRequests: readonly BadRequest[] = [
  post(ofVolume, 'no such volume', {}),
  post(ofVolume, 'consistency unknown', { consistency: 'perfect' }),
  post(ofVolume, 'hooks without a command', { hooks: {} }),
  post(ofVolume, 'hooks: a command that is a text', { hooks: { before: 'sync' } }),
  post(ofVolume, 'hooks: a command without a word', { hooks: { before: [] } }),
  post(ofVolume, 'hooks: a command of 70 words', { hooks: { after: Array.from({ length: 70 }, () => 'x') } }),
  post(ofVolume, 'hooks: time-out of an hour', { hooks: { before: ['sync'], timeoutSeconds: 3600 } }),
  post(ofVolume, 'hooks: policy unknown', { hooks: { before: ['sync'], onError: 'ignore' } }),
  post(ofVolume, 'hooks: container a path', { hooks: { before: ['sync'], container: '../db' } }),
  post(ofVolume, 'description a number', { description: 7 }),
  post(ofVolume, 'description of 1,025 characters', { description: 'd'.repeat(1025) }),
  post(ofVolume, 'name', { name: 'mine' }),
  post(ofVolume, 'engine unknown', { engine: 'tar' }),
  post(ofVolume, 'repository without a bucket', { repository: { endpoint: 'https://minio.example' } }),
  post(ofVolume, 'repository with a path and another secret', {
    repository: {
      endpoint: 'https://minio.example/path?x=1',
      bucket: 'b/../c',
      credentialsSecret: 'hivemind/repositories/vol-1',
    },
  }),
  ...[
    'limit=0',
    'cursor=x',
    'state=done',
    'kind=tape',
    'origin=me',
    `volume=${'v'.repeat(129)}`,
    'name=x',
  ].map((query): BadRequest => [`backup list: ?${query.slice(0, 40)}`, { path: backups, query }]),
  ['backup get: none', { path: one }],
  ['backup get: no id', { path: `${backups}/latest` }],
  ['backup get: a snapshot’s id', { path: `${backups}/snap-0123456789abcdef0` }],
  ['backup delete: none', { method: 'DELETE', path: one }],
  ['backup delete: force', { method: 'DELETE', path: one, query: 'force=true' }],
  post(`${one}/hold`, 'none', {}),
  post(`${one}/hold`, 'reason a list', { reason: ['audit'] }),
  post(`${one}/release`, 'none', undefined),
  post(`${one}/copy`, 'none', { region: 'eu-west-1' }),
  post(`${one}/copy`, 'no region', {}),
  post(`${one}/copy`, 'region a zone', { region: 'eu-west-1a' }),
  post(`${one}/copy`, 'a key', { region: 'eu-west-1', key: 'alias/mine' }),
  post(`${one}/drill`, 'none', {}),
  post(`${one}/drill`, 'check a text', { check: 'true' }),
  post(`${one}/drill`, 'check without a command', { check: {} }),
  post(`${one}/drill`, 'check for a day', { check: { command: 'true', timeoutSeconds: 86_400 } }),
  post(`${one}/drill`, 'host no id', { host: 'web-1' }),
  post(`${one}/browse`, 'none', {}),
  post(`${one}/browse`, 'path upwards', { path: '../etc' }),
  post(`${one}/browse`, 'path a list', { path: ['db'] }),
  post(`${one}/extract`, 'none', { path: 'db' }),
  post(`${one}/extract`, 'no path', {}),
  post(`${one}/extract`, 'path absolute', { path: '/etc/passwd' }),
  post(`${one}/extract`, 'path upwards as bytes', { path: 'base64:Li4vZXRj' }),
  post(`${one}/extract`, 'path of 9,000 characters', { path: 'a/'.repeat(4500) }),
  post(`${one}/extract`, 'host no id', { path: 'db', host: 'web-1' }),
  post(`${one}/restore`, 'none', {}),
  post(`${one}/restore`, 'name ..', { name: '..' }),
  post(`${one}/restore`, 'options a list', { options: ['path=/data/x'] }),
  post(`${one}/restore`, 'size', { size: '20G' }),
  post(`${one}/restore`, 'force without inPlace', { force: true }),
  post(`${one}/restore`, 'force with inPlace false', { inPlace: false, force: true }),
  post(`${one}/restore`, 'zone with a space', { availabilityZone: 'us east' }),
];
