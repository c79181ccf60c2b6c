import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Assignment } from '#shared/model/host.ts';
import { routes, type Route } from '#shared/model/routes.ts';
import { ApiWorld, type HostActor } from '#test/support/api-world.ts';

const hostA = 'i-0000000000000000a';
const hostB = 'i-0000000000000000b';
const of = (path: string): string => `/v1/namespaces/default/${path}`;

type Routes = typeof routes;
type HostRoute = {
  [K in keyof Routes]: Routes[K] extends { served: 'hosts' } ? K : never;
}[keyof Routes];

/** What belongs to host A: a volume in use with a backup under way, one that is exported, one that is imported to. */
interface Theirs {
  readonly held: Assignment;
  readonly cut: string;
  readonly export: string;
  readonly import: string;
  readonly attempt: string;
}

/** One call of host B that reaches for what is A's. */
interface Reach {
  /** What fills the placeholder in the route's path. */
  readonly at?: string;
  readonly query?: string;
  readonly body?: object;
  readonly refused: readonly [status: number, code: string];
}

const part = { partNumber: 1, sizeBytes: 5, sha256: `${'A'.repeat(43)}=` };
const notTheirs = [404, 'OperationNotFound'] as const;
const notHeld = [403, 'StaleEpoch'] as const;
/** A call names no host: who tries to is refused. */
const noSuchField = [400, 'InvalidInput'] as const;

/** A case for each route of hosts: one without does not compile. */
const reaches: Readonly<Record<HostRoute, (theirs: Theirs, b: HostActor) => Reach>> = {
  registerHost: (_, { bootId }) => ({
    body: { bootId, agentVersion: '1', hostname: 'h', drivers: ['ebs'], id: hostA },
    refused: noSuchField,
  }),
  syncHost: (_, { bootId }) => ({ body: { bootId, observed: [], hostId: hostA }, refused: noSuchField }),
  hostCreateVolume: () => ({ body: { name: 'mine', namespace: 'other' }, refused: noSuchField }),
  hostListVolumes: () => ({ query: `namespace=other&host=${hostA}`, refused: noSuchField }),
  hostGetVolume: () => ({ at: 'secret', refused: [404, 'VolumeNotFound'] }),
  hostDeleteVolume: () => ({ at: 'x', refused: [409, 'VolumeBusy'] }),
  claimVolume: (_, { bootId }) => ({ at: 'x', body: { bootId }, refused: [409, 'VolumeBusy'] }),
  setLease: ({ held }, { bootId }) => ({
    at: held.volumeId,
    body: { bootId, epoch: held.epoch, inUse: false },
    refused: notHeld,
  }),
  takeTicket: ({ held }, { bootId }) => ({
    at: held.volumeId,
    body: { bootId, epoch: held.epoch, serial: 'vol0123456789abcdef0' },
    refused: notHeld,
  }),
  reportFormatted: ({ held }, { bootId }) => ({
    at: held.volumeId,
    body: { bootId, epoch: held.epoch, uuid: randomUUID(), mounted: true },
    refused: notHeld,
  }),
  releaseVolume: ({ held }, { bootId }) => ({
    at: held.volumeId,
    body: { bootId, epoch: held.epoch },
    refused: notHeld,
  }),
  cutVolume: ({ held, cut }, { bootId }) => ({
    at: cut,
    body: { bootId, epoch: held.epoch },
    refused: notTheirs,
  }),
  reportTask: ({ cut }, { bootId }) => ({
    at: cut,
    body: { bootId, result: { outcome: 'done' } },
    refused: notTheirs,
  }),
  taskManifest: ({ cut }, { bootId }) => ({ at: cut, body: { bootId, want: 'read' }, refused: notTheirs }),
  grantRepository: (theirs, { bootId }) => ({ at: theirs.export, body: { bootId }, refused: notTheirs }),
  signExportParts: (theirs, { bootId }) => ({
    at: theirs.export,
    body: { bootId, attempt: theirs.attempt, parts: [part] },
    refused: notTheirs,
  }),
  completeExport: (theirs, { bootId }) => ({
    at: theirs.export,
    body: {
      bootId,
      attempt: theirs.attempt,
      parts: [{ ...part, etag: 'e' }],
      sizeBytes: part.sizeBytes,
      sha256: '0'.repeat(64),
    },
    refused: notTheirs,
  }),
  importSource: (theirs, { bootId }) => ({ at: theirs.import, body: { bootId }, refused: notTheirs }),
  reportPurged: ({ held }) => ({
    at: held.volumeId,
    body: { accessPointId: 'fsap-0123456789abcdef0' },
    refused: [403, 'AccessDenied'],
  }),
};

let api: ApiWorld;
let a: HostActor;
let b: HostActor;
let theirs: Theirs;

/** Each of what a host can have, had by A; B is there as well. */
beforeEach(async () => {
  api = new ApiWorld();
  a = await api.host(hostA);
  for (const name of ['x', 'out', 'in'])
    await api.create({ name, size: '1G', availabilityZone: 'us-east-1a' });
  await api.post('/v1/namespaces/other/volumes', { name: 'secret' });
  await a.take('out');
  await api.world.format('out');
  const held = await a.take('x');
  await api.world.format('x');
  await a.lease(held, true);
  const cut = (await api.post(of('volumes/x/backups'))).body.id as string;
  while (!(await tasksOf(a)).includes('cut')) api.world.pass((await api.world.step(cut)).waitSeconds);
  const exported = (await api.post(of('volumes/out/exports'))).body.id as string;
  const attempt = randomUUID();
  await a.send('POST', `tasks/${exported}/parts`, { bootId: a.bootId, attempt, parts: [part] });
  theirs = { held, cut, export: exported, import: await imported('in'), attempt };
  expect((await tasksOf(a)).toSorted()).toEqual(['cut', 'export', 'import']);
  b = await api.host(hostB);
});

async function tasksOf(host: HostActor): Promise<string[]> {
  return (await host.sync()).tasks.map(({ kind }) => kind);
}

async function imported(volume: string): Promise<string> {
  const content = Buffer.from('12345');
  const begun = await api.post(of(`volumes/${volume}/imports`), { sizeBytes: 5, partBytes: 8 * 2 ** 20 });
  const id = begun.body.id as string;
  const sha256 = await crypto.subtle.digest('SHA-256', content).then((bytes) => Buffer.from(bytes));
  const wanted = { ...part, sha256: sha256.toString('base64') };
  const signed = (await api.post(of(`imports/${id}/parts`), { parts: [wanted] })).body.parts as Parameters<
    typeof api.world.objects.put
  >[0][];
  const parts = signed.map((each) => api.world.objects.put(each, content));
  await api.post(of(`imports/${id}/complete`), { parts, sha256: sha256.toString('hex') });
  return id;
}

const hostRoutes = (Object.entries(routes) as [HostRoute, Route][]).filter(
  ([, { served }]) => served === 'hosts',
);

/** What a call that is refused leaves as it was. */
const stored = (): string => JSON.stringify([...api.world.store.items]);

describe('what is another host’s', () => {
  it.each(hostRoutes)('%s refuses to touch, and changes nothing', async (name, route) => {
    const { at = '', query = '', body, refused } = reaches[name](theirs, b);
    const path = route.path.replace(/^\/v1\/host\//, '').replace(/\{\w+\}/, at);
    const before = stored();
    const answer = await b.send(route.method, query === '' ? path : `${path}?${query}`, body);
    expect([answer.status, answer.body.code]).toEqual(refused);
    expect(stored()).toBe(before);
  });
});
