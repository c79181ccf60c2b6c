import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { ProductError, errorCodes, isErrorCode } from '#shared/model/errors.ts';
import { matchesLabels, parsePairs, parseSelector } from '#shared/model/labels.ts';
import { differences, placement, resolveCreate } from '#shared/model/rules-create.ts';
import { formatSize, parseSize, provisionedGiB } from '#shared/model/size.ts';
import { busyStates, initialStates, mayBecome, transitions, volumeStates } from '#shared/model/states.ts';
import { CreateVolume, type CreateVolumeInput } from '#shared/model/volume.ts';
import { ApiWorld } from '#test/support/api-world.ts';

const resolve = (body: CreateVolumeInput) => resolveCreate(CreateVolume.parse(body), 'us-east-1');

describe('sizes', () => {
  it.each([
    ['10G', 10 * 2 ** 30],
    ['10Gi', 10 * 2 ** 30],
    ['10GiB', 10 * 2 ** 30],
    ['10gb', 10 * 2 ** 30],
    ['500M', 500 * 2 ** 20],
    ['1Ti', 2 ** 40],
    ['1.5G', 1.5 * 2 ** 30],
    [' 2 K ', 2048],
    ['7', 7],
    ['7b', 7],
  ])('%s is %d bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  test.prop([fc.integer({ min: 1, max: 2 ** 46 })])('are read back as they are shown', (bytes) => {
    expect(parseSize(formatSize(bytes))).toBe(bytes);
  });

  test.prop([fc.integer({ min: 1, max: 2 ** 46 })])('fit into the whole GiB that is provisioned', (bytes) => {
    const gib = provisionedGiB(bytes);
    expect(gib * 2 ** 30).toBeGreaterThanOrEqual(bytes);
    expect((gib - 1) * 2 ** 30).toBeLessThan(bytes);
  });
});

describe('labels', () => {
  it('are parsed from pairs, refused without "=" and when given twice', () => {
    expect(parsePairs('app=db, env=prod,empty=', 'label')).toEqual({ app: 'db', env: 'prod', empty: '' });
    for (const text of ['app', '=db', 'a=1,a=2'])
      expect(() => parsePairs(text, 'label')).toThrow(ProductError);
  });

  it('match key=value, key and !key; all must hold', () => {
    const labels = { app: 'db', tier: '' };
    const matches = (selector: string): boolean => matchesLabels(labels, parseSelector(selector));
    expect(['app=db', 'app', '!env', 'tier=', 'app=db,!env'].map(matches)).toEqual([
      true,
      true,
      true,
      true,
      true,
    ]);
    expect(['app=web', 'env', '!app', 'app,env'].map(matches)).toEqual([false, false, false, false]);
  });
});

describe('the table of states', () => {
  it('begins and ends where it says, and every state can be reached', () => {
    const reached = new Set<string>(initialStates);
    for (let size = 0; size < reached.size;) {
      size = reached.size;
      for (const state of volumeStates) {
        if (reached.has(state)) for (const next of transitions[state]) reached.add(next);
      }
    }
    expect([...volumeStates, 'gone'].filter((state) => !reached.has(state))).toEqual([]);
  });

  it('lets every busy state end', () => {
    for (const state of busyStates) expect(transitions[state].length).toBeGreaterThan(0);
    expect(mayBecome('available', 'available')).toBe(true);
    expect(mayBecome('purged', 'available')).toBe(false);
  });
});

describe('create', () => {
  it('resolves what is left open, by type', () => {
    expect(resolve({ name: 'a' })).toMatchObject({
      type: 'local',
      driver: 'ebs',
      sizeBytes: 10 * 2 ** 30,
      filesystem: 'ext4',
      owner: { uid: 0, gid: 0, mode: '0755' },
      encrypted: true,
    });
    expect(resolve({ name: 'a', type: 'network' })).toMatchObject({ driver: 'efs', sizeBytes: undefined });
    expect(resolve({ name: 'a', owner: { uid: 1000 } }).owner).toEqual({ uid: 1000, gid: 0, mode: '0755' });
  });

  it('goes to the zone that was asked for, or to the only one that hosts are in', () => {
    expect(placement(resolve({ name: 'a', availabilityZone: 'us-east-1b' }), [])).toBe('us-east-1b');
    expect(placement(resolve({ name: 'a' }), ['us-east-1a', 'us-east-1a'])).toBe('us-east-1a');
    expect(placement(resolve({ name: 'a' }), ['us-east-1a', 'us-east-1b'])).toBeUndefined();
    expect(placement(resolve({ name: 'a' }), [])).toBeUndefined();
    expect(placement(resolve({ name: 'a', type: 'ephemeral' }), ['us-east-1a'])).toBeUndefined();
  });

  it.each<[string, Partial<CreateVolumeInput>]>([
    ['size', { size: '2G' }],
    ['labels', { labels: { a: '1' } }],
    ['options', { options: { mountOptions: 'noatime' } }],
    ['description', { description: 'x' }],
    ['filesystem', { filesystem: 'xfs' }],
    ['owner', { owner: { gid: 1 } }],
    ['readOnly', { readOnly: true }],
    ['encrypted', { encrypted: false }],
    ['protected', { protected: true }],
    ['availabilityZone', { availabilityZone: 'us-east-1a' }],
  ])('of the same name differs by its %s', async (field, parts) => {
    const api = new ApiWorld();
    await api.create({ name: 'a' });
    const { volume } = await api.world.volume('a');
    expect(differences(volume, resolve({ name: 'a' }))).toEqual([]);
    expect(differences(volume, resolve({ name: 'a', ...parts }))).toEqual([field]);
  });
});

describe('errors', () => {
  it('go through a problem document and come back', () => {
    const error = new ProductError('VolumeBusy', 'in use', {
      value: 1,
      allowed: 'x',
      hint: 'y',
      about: { a: 'b' },
    });
    const back = ProductError.fromProblem(error.toProblem());
    expect(back.toProblem()).toEqual(error.toProblem());
    expect([back.status, back.exitCode, back.retryable]).toEqual([409, 4, true]);
  });

  it('have codes of one style and statuses that HTTP has', () => {
    for (const [code, { status }] of Object.entries(errorCodes)) {
      expect(code).toMatch(/^[A-Z][A-Za-z]+$/);
      expect(status).toBeGreaterThanOrEqual(400);
    }
    expect(isErrorCode('toString')).toBe(false);
  });
});
