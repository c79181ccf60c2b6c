import { describe, expect, it } from 'vitest';
import { parseOptions } from '#agent/plugin/options.ts';
import { errText, pluginCalls } from '#agent/plugin/protocol.ts';
import type { VolumeCalls } from '#agent/plugin/volumes.ts';
import { ProductError } from '#shared/model/errors.ts';

describe('Docker’s options', () => {
  it.each<[Record<string, string>, Record<string, unknown>]>([
    [{}, {}],
    [
      { type: 'network', size: '10G' },
      { type: 'network', size: '10G' },
    ],
    [{ labels: 'app=db,env=prod' }, { labels: { app: 'db', env: 'prod' } }],
    [
      { filesystem: 'xfs', driver: 'ebs', zone: 'us-east-1a' },
      { filesystem: 'xfs', driver: 'ebs', availabilityZone: 'us-east-1a' },
    ],
    [
      { readonly: 'true', encrypted: 'false' },
      { readOnly: true, encrypted: false },
    ],
    [{ readonly: '' }, { readOnly: true }],
    [{ uid: '1000', gid: '1001', mode: '0750' }, { owner: { uid: 1000, gid: 1001, mode: '0750' } }],
    [
      { description: 'mine', protected: '1' },
      { description: 'mine', protected: true },
    ],
    [{ owner: '1000:1001', mode: '0750' }, { owner: { uid: 1000, gid: 1001, mode: '0750' } }],
    [{ mode: '0700', owner: '0:5' }, { owner: { uid: 0, gid: 5, mode: '0700' } }],
    [{ protect: '' }, { protected: true }],
    [
      { 'mount-options': 'noatime,discard', options: 'path=/data/a' },
      { options: { mountOptions: 'noatime,discard', path: '/data/a' } },
    ],
    [{ mountOptions: 'noatime,discard' }, { options: { mountOptions: 'noatime,discard' } }],
    [
      { options: 'path=/data/a', type: 'hostpath' },
      { type: 'hostpath', options: { path: '/data/a' } },
    ],
    [{ constructor: 'x' }, { options: { constructor: 'x' } }],
    [
      { type: 'none', o: 'bind', device: '/mnt/metrics' },
      { type: 'hostpath', options: { path: '/mnt/metrics' } },
    ],
    [
      { type: 'none', o: 'bind,ro', device: '/mnt/m' },
      { type: 'hostpath', readOnly: true, options: { path: '/mnt/m' } },
    ],
    [
      { type: 'tmpfs', o: 'size=100m,uid=1000', device: 'tmpfs' },
      { type: 'ephemeral', size: '100m', owner: { uid: 1000 } },
    ],
    [
      { type: 'nfs', o: 'addr=nas,rw', device: ':/exports' },
      { type: 'network', options: { server: 'nas', path: '/exports' } },
    ],
  ])('%o', (options, body) => {
    expect(parseOptions('data', options)).toEqual({ name: 'data', ...body });
  });

  it.each<[Record<string, string>, RegExp]>([
    [{ readonly: 'maybe' }, /readonly=maybe is neither true nor false/],
    [{ protect: 'maybe' }, /protect=maybe is neither true nor false/],
    [{ owner: 'postgres' }, /"postgres" is not an owner/],
    [{ uid: 'root' }, /uid=root is not a number/],
    [{ labels: 'nonsense' }, /"nonsense" is not a label/],
    [
      { type: 'btrfs', device: '/dev/sda2' },
      /type=btrfs with device=\/dev\/sda2 is not a volume of this release/,
    ],
  ])('are refused by name: %o', (options, message) => {
    expect(() => parseOptions('data', options)).toThrow(message);
  });
});

describe('the protocol', () => {
  const refuse = (): Promise<never> => Promise.reject(new ProductError('Internal', 'not asked'));
  const volumes: VolumeCalls = {
    create: refuse,
    get: refuse,
    list: refuse,
    path: (name) => Promise.resolve(`/v/${name}`),
    mount: (name, id) => Promise.resolve(`/v/${name}?${id}`),
    unmount: refuse,
    remove: refuse,
  };
  const calls = pluginCalls(volumes);
  const ask = (call: string, body: unknown) => calls[`/VolumeDriver.${call}`]?.(body);

  it('is a volume driver of global scope', async () => {
    expect(await calls['/Plugin.Activate']?.({})).toEqual({ Implements: ['VolumeDriver'] });
    expect(await ask('Capabilities', {})).toEqual({ Capabilities: { Scope: 'global' } });
  });
  it('hands names and ids on', async () => {
    expect(await ask('Mount', { Name: 'data', ID: 'x' })).toEqual({ Mountpoint: '/v/data?x' });
    expect(await ask('Path', { Name: 'data' })).toEqual({ Mountpoint: '/v/data' });
  });
  it.each([{}, null, { Name: '' }, { Name: 7 }])('refuses a repeat that lost its body: %o', async (body) => {
    await expect(ask('Mount', body)).rejects.toMatchObject({ code: 'InvalidInput' });
  });
});

describe('Err', () => {
  it('says what is wrong, what is allowed and what to do', () => {
    const error = new ProductError('InvalidInput', '"10X" is not a size.', {
      allowed: '"10G"',
      hint: 'Give another.',
    });
    expect(errText(error)).toBe('"10X" is not a size. Allowed: "10G". Give another.');
  });
  it('names each wrong field', () => {
    const issues = [{ path: 'size', message: 'not a size' }];
    expect(errText(new ProductError('InvalidInput', 'The body is not valid.', { issues }))).toBe(
      'The body is not valid: size: not a size.',
    );
  });
  it('hides nothing of a failure of its own', () => {
    expect(errText(new TypeError('x is undefined'))).toMatch(/The Hivemind agent failed: x is undefined/);
  });
});
