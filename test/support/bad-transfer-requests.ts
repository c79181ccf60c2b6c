import type { BadRequest } from './bad-requests.ts';

const ns = '/v1/namespaces/default';
const id = `op-${'0'.repeat(26)}`;
const part = { partNumber: 1, sizeBytes: 1, sha256: `${'A'.repeat(43)}=` };
const MiB = 2 ** 20;

const post = (path: string, title: string, body?: unknown): BadRequest => [
  `transfer ${path.replace(id, 'ID')}: ${title}`,
  { method: 'POST', path: `${ns}/${path}`, ...(body === undefined ? {} : { body }) },
];

/** Requests about archives that must be refused. */
export const badTransferRequests: readonly BadRequest[] = [
  post('volumes/none/exports', 'no such volume', {}),
  post('volumes/none/exports', 'host by name', { host: 'web' }),
  ['export get: none', { path: `${ns}/exports/${id}` }],
  ['export get: no id', { path: `${ns}/exports/latest` }],
  ['export remove: none', { method: 'DELETE', path: `${ns}/exports/${id}` }],
  post(`exports/${id}/url`, 'none'),
  post(`exports/${id}/url`, 'seconds', { seconds: 600_000 }),
  post('volumes/none/imports', 'no such volume', { sizeBytes: 1, partBytes: 8 * MiB }),
  post('volumes/none/imports', 'no size', { partBytes: 8 * MiB }),
  post('volumes/none/imports', 'no bytes', { sizeBytes: 0, partBytes: 8 * MiB }),
  post('volumes/none/imports', 'small parts', { sizeBytes: 1, partBytes: MiB }),
  ['import get: none', { path: `${ns}/imports/${id}` }],
  post(`imports/${id}/parts`, 'none', { parts: [part] }),
  post(`imports/${id}/parts`, 'no parts', { parts: [] }),
  post(`imports/${id}/parts`, 'part 0', { parts: [{ ...part, partNumber: 0 }] }),
  post(`imports/${id}/parts`, 'checksum in hex', { parts: [{ ...part, sha256: '0'.repeat(64) }] }),
  post(`imports/${id}/complete`, 'none', { parts: [{ ...part, etag: 'e' }], sha256: '0'.repeat(64) }),
  post(`imports/${id}/complete`, 'no checksum', { parts: [{ ...part, etag: 'e' }] }),
];
