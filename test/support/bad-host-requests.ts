import type { ApiRequest } from './api-world.ts';
import { sessionOf } from './api-world.ts';
import type { BadRequest } from './bad-requests.ts';

/** Requests of a host that must be refused: every route that only hosts may call. A host's session is not for any endpoint. */
const iam = sessionOf('i-0123456789abcdef0');
const bootId = '6b1d3c5a-2f0e-4c7b-9a8d-0e1f2a3b4c5d';
const volumeId = `vol-${'0'.repeat(26)}`;
const operation = `op-${'0'.repeat(26)}`;
const attachment = `attachments/${volumeId}`;

function ask(title: string, path: string, parts: Partial<ApiRequest> = {}): BadRequest {
  return [`host ${path.replace(volumeId, 'ID')}: ${title}`, { path: `/v1/host/${path}`, iam, ...parts }];
}
const part = { partNumber: 1, sizeBytes: 1, sha256: `${'A'.repeat(43)}=` };
const post = (path: string, title: string, body: unknown): BadRequest =>
  ask(title, path, { method: 'POST', body });

const registered = { bootId, agentVersion: '1', hostname: 'h', drivers: ['ebs'] };
const lease = { bootId, epoch: 1, inUse: true };
const ticket = { bootId, epoch: 1, serial: 'vol0123456789abcdef0' };
const formatted = { bootId, epoch: 1, uuid: bootId, mounted: true };

const hosts: BadRequest[] = [
  post('register', 'no boot id', { ...registered, bootId: undefined }),
  post('register', 'boot id no UUID', { ...registered, bootId: 'boot-1' }),
  post('register', 'unknown driver', { ...registered, drivers: ['floppy'] }),
  post('register', 'another id', { ...registered, id: 'i-0aaaaaaaaaaaaaaaa' }),
  post('register', 'namespace', { ...registered, namespace: 'prod' }),
  post('sync', 'nothing observed', { bootId }),
  post('sync', 'not registered', { bootId, observed: [] }),
  post('sync', 'negative epoch', { bootId, observed: [{ volumeId, epoch: -1, mounted: true }] }),
  post('sync', '501 volumes', {
    bootId,
    observed: Array.from({ length: 501 }, () => ({ volumeId, epoch: 1, mounted: false })),
  }),
];

const volumes: BadRequest[] = [
  post('volumes', 'name ..', { name: '..' }),
  post('volumes', 'not registered', { name: 'data' }),
  ask('limit=0', 'volumes', { query: 'limit=0' }),
  ask('cursor=x', 'volumes', { query: 'cursor=x' }),
  ask('not registered', 'volumes/none'),
  ask('name with a zero byte', 'volumes/a%00b'),
  ask('delete, not registered', 'volumes/none', { method: 'DELETE' }),
  ask('force', 'volumes/none', { method: 'DELETE', query: 'force=true' }),
  post('volumes/none/claim', 'no boot id', {}),
  post('volumes/none/claim', 'for another host', { bootId, host: 'i-0aaaaaaaaaaaaaaaa' }),
  post('volumes/none/claim', 'read-only a text', { bootId, readOnly: 'yes' }),
  post('volumes/none/claim', 'not registered', { bootId }),
];

const attachments: BadRequest[] = [
  post(`${attachment}/lease`, 'in use a number', { ...lease, inUse: 1 }),
  post(`${attachment}/lease`, 'epoch a fraction', { ...lease, epoch: 1.5 }),
  post(`${attachment}/lease`, 'holder', { ...lease, holder: 'i-0aaaaaaaaaaaaaaaa' }),
  post(`${attachment}/lease`, 'not registered', lease),
  post('attachments/none/lease', 'no volume id', lease),
  post(`${attachment}/ticket`, 'no serial', { bootId, epoch: 1 }),
  post(`${attachment}/ticket`, 'serial of 65 characters', { ...ticket, serial: 's'.repeat(65) }),
  post(`${attachment}/ticket`, 'UUID of its own', { ...ticket, uuid: bootId }),
  post(`${attachment}/ticket`, 'not registered', ticket),
  post(`${attachment}/formatted`, 'UUID no UUID', { ...formatted, uuid: 'ext4' }),
  post(`${attachment}/formatted`, 'mounted missing', { bootId, epoch: 1, uuid: bootId }),
  post(`${attachment}/formatted`, 'not registered', formatted),
  post(`${attachment}/release`, 'force', { bootId, epoch: 1, force: true }),
  post(`${attachment}/release`, 'not registered', { bootId, epoch: 1 }),
  post(`tasks/${operation}/cut`, 'no boot id', {}),
  post(`tasks/${operation}/cut`, 'not registered', { bootId, epoch: 1 }),
  post('tasks/latest/cut', 'no operation id', { bootId, epoch: 1 }),
  post(`tasks/${operation}/parts`, 'no attempt', { bootId, parts: [part] }),
  post(`tasks/${operation}/parts`, 'not registered', { bootId, attempt: bootId, parts: [part] }),
  post(`tasks/${operation}/complete`, 'no parts', { bootId, attempt: bootId, parts: [], sizeBytes: 1 }),
  post(`tasks/${operation}/source`, 'no boot id', {}),
  post(`tasks/${operation}/source`, 'not registered', { bootId }),
  post(`tasks/${operation}/result`, 'nothing said', {}),
  post(`tasks/${operation}/result`, 'force', { bootId, force: true }),
  post(`tasks/${operation}/manifest`, 'no wish', { bootId }),
  post(`tasks/${operation}/manifest`, 'delete', { bootId, want: 'delete' }),
  post(`tasks/${operation}/manifest`, 'write, of what', { bootId, want: 'write' }),
  post(`tasks/${operation}/manifest`, 'checksum no hash', {
    bootId,
    want: 'write',
    manifest: { sha256: 'abc', bytes: 1, entries: 1, hashed: 1 },
  }),
  post(`tasks/${operation}/manifest`, 'key', { bootId, want: 'read', key: 'manifests/other' }),
  post(`tasks/${operation}/manifest`, 'not registered', { bootId, want: 'read' }),
  post(`tasks/${operation}/repository`, 'no boot id', {}),
  post(`tasks/${operation}/repository`, 'prefix', { bootId, prefix: 'repositories/other' }),
  post(`tasks/${operation}/repository`, 'begin a text', { bootId, begin: 'yes' }),
  post(`tasks/${operation}/repository`, 'not registered', { bootId }),
  post(`purges/${volumeId}`, 'no access point', {}),
  post(`purges/${volumeId}`, 'path', { accessPointId: 'fsap-0', path: '/' }),
  post(`purges/${volumeId}`, 'not asked to', { accessPointId: 'fsap-0' }),
];

const strangers: BadRequest[] = [
  ['host sync: a person', { method: 'POST', path: '/v1/host/sync', body: { bootId, observed: [] } }],
  [
    'host sync: a session of another role',
    {
      method: 'POST',
      path: '/v1/host/sync',
      body: { bootId, observed: [] },
      iam: { ...iam, userId: 'AROAOTHERROLE:i-0123456789abcdef0' },
    },
  ],
];

export const badHostRequests: readonly BadRequest[] = [...hosts, ...volumes, ...attachments, ...strangers];
