import { describe, expect, it } from 'vitest';
import { backoff } from '#agent/link/backoff.ts';
import { instanceCredentials } from '#agent/link/credentials.ts';
import { resolveRegion } from '#agent/link/region.ts';
import { SyncLoop, type SyncPorts } from '#agent/link/sync-loop.ts';
import { judge } from '#agent/health.ts';
import { jsonLog, silentLog } from '#agent/log.ts';
import { parseCommand, parseConfig } from '#agent/config.ts';
import { ProductError, type ErrorCode } from '#shared/model/errors.ts';
import type { Registration, SyncAnswer } from '#shared/model/host.ts';
import { until } from '#test/support/until.ts';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const registration = {
  host: { id: 'i-0', namespace: 'default' },
  queueUrl: 'q',
  pollSeconds: 3600,
} as Registration;
const answer: SyncAnswer = {
  now: new Date(0).toISOString(),
  assignments: [],
  purges: [],
  tasks: [],
  draining: false,
};

/** A loop over a control plane that fails as often as told. */
function loopWith(failures: ErrorCode[] = [], more: Partial<SyncPorts> = {}) {
  const counts = { register: 0, sync: 0, acted: 0 };
  const loop = new SyncLoop({
    api: {
      register: () => {
        counts.register++;
        return Promise.resolve(registration);
      },
      sync: () => {
        counts.sync++;
        const code = failures.shift();
        return code === undefined
          ? Promise.resolve(answer)
          : Promise.reject(new ProductError(code, 'as told'));
      },
    },
    log: silentLog,
    observe: () => Promise.resolve([]),
    mark: () => 0,
    learn: () => undefined,
    act: () => void counts.acted++,
    onRegistered: () => undefined,
    firstRetryMs: 1,
    ...more,
  });
  return { loop, counts };
}

describe('the sync loop', () => {
  it('registers once, syncs, and acts on the answer', async () => {
    const { loop, counts } = loopWith();
    loop.start();
    await until('it has synced', () => counts.sync === 1);
    await loop.stop();
    expect(counts).toEqual({ register: 1, sync: 1, acted: 1 });
    expect(loop.isLinked()).toBe(true);
  });

  it('comes back by itself while the API is away', async () => {
    const { loop, counts } = loopWith(['Unavailable', 'TimedOut', 'Throttled']);
    loop.start();
    await until('it is linked', () => loop.isLinked());
    await loop.stop();
    expect(counts).toEqual({ register: 1, sync: 4, acted: 1 });
  });

  it('registers anew when the control plane does not know the host', async () => {
    const { loop, counts } = loopWith(['HostNotFound']);
    loop.start();
    await until('it is linked', () => loop.isLinked());
    await loop.stop();
    expect(counts.register).toBe(2);
  });

  it('syncs at once when it is woken, however long the poll interval', async () => {
    const { loop, counts } = loopWith();
    loop.start();
    await until('it has synced', () => counts.sync === 1 && loop.isLinked());
    await new Promise((resolve) => setImmediate(resolve));
    loop.request();
    expect(await until('it has synced again', () => counts.sync === 2)).toBe(true);
    await loop.stop();
  });

  it('syncs again when it is woken in the middle of a sync: the answer may be older', async () => {
    const gate = Promise.withResolvers<void>();
    let waits = true;
    const { loop, counts } = loopWith([], {
      observe: async () => {
        if (waits) await gate.promise;
        waits = false;
        return [];
      },
    });
    loop.start();
    await until('it is under way', () => counts.register === 1);
    loop.request();
    gate.resolve();
    expect(await until('it has synced twice', () => counts.sync === 2)).toBe(true);
    await loop.stop();
  });

  it('syncs often while somebody waits, and lets him go when it stops', async () => {
    const { loop, counts } = loopWith();
    loop.start();
    await until('it has synced', () => loop.isLinked());
    const stopping = new AbortController();
    await loop.next(stopping.signal);
    expect(counts.sync).toBeGreaterThan(1);
    const waiting = loop.next(stopping.signal);
    await loop.stop();
    await waiting;
  });

  it('does not ask an API that is known to be away', async () => {
    const { loop, counts } = loopWith(['Unavailable'], { firstRetryMs: 3_600_000 });
    loop.start();
    await until('it has failed', () => counts.sync === 1);
    expect(await loop.refresh()).toBe(false);
    expect(counts.sync).toBe(1);
    await loop.stop();
  });
});

describe('back-off', () => {
  it('doubles up to its ceiling, with jitter, and begins anew', () => {
    const retry = backoff({ firstMs: 100, maxMs: 400, random: () => 1 });
    expect([retry.next(), retry.next(), retry.next(), retry.next()]).toEqual([100, 200, 400, 400]);
    retry.reset();
    expect(retry.next()).toBe(100);
    expect(backoff({ firstMs: 100, maxMs: 400, random: () => 0 }).next()).toBe(50);
  });
});

describe('credentials', () => {
  const keys = { accessKeyId: 'A', secretAccessKey: 'S' };
  it('are asked for once, and again before they expire', async () => {
    let asked = 0;
    let now = 0;
    const give = () => {
      asked++;
      return Promise.resolve({ ...keys, expiration: new Date(now + 3_600_000) });
    };
    const credentials = instanceCredentials(give, () => now);
    await Promise.all([credentials(), credentials()]);
    expect(asked).toBe(1);
    now = 3_600_000 - 4 * 60_000;
    await credentials();
    expect(asked).toBe(2);
  });
  it('are fetched anew when the control plane has refused them before their time', async () => {
    let fetched = 0;
    const keys = () => Promise.resolve({ accessKeyId: `A${++fetched}`, secretAccessKey: 's' });
    const credentials = instanceCredentials(keys);
    await credentials();
    expect((await credentials()).accessKeyId).toBe('A1');
    const { loop, counts } = loopWith(['AccessDenied'], {
      onDenied: () => credentials.forget(),
      firstRetryMs: 1,
    });
    loop.start();
    await until('it is linked', () => counts.sync >= 2);
    await loop.stop();
    expect((await credentials()).accessKeyId).toBe('A2');
  });

  it('that do not come count as the API being away', async () => {
    const credentials = instanceCredentials(() => Promise.reject(new TypeError('no')));
    await expect(credentials()).rejects.toMatchObject({ code: 'Unavailable' });
  });
});

describe('the Region', () => {
  it('is the configured one, else the environment’s', async () => {
    expect(await resolveRegion('eu-west-1', { AWS_REGION: 'us-east-1' })).toBe('eu-west-1');
    expect(await resolveRegion(undefined, { AWS_REGION: 'us-east-1' })).toBe('us-east-1');
  });
  it('is asked for by name when nobody knows it', async () => {
    const nobody = { AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:9' };
    await expect(resolveRegion(undefined, nobody)).rejects.toMatchObject({ code: 'InvalidInput' });
  });
});

describe('health', () => {
  const ports = (since: number, jobs: { since: number }[] = []) => ({
    lastProgress: () => 0,
    pollMs: () => 30_000,
    isLinked: () => false,
    running: () => jobs.map((job) => ({ key: 'data', what: 'mount', ...job })),
    volumes: () => 0,
    log: jsonLog({ write: () => undefined }),
    version: '0',
    allowedRoots: [],
    now: () => since,
  });
  it('is progress within twice the poll interval, the API being away or not', () => {
    expect(judge(ports(60_000)).healthy).toBe(true);
    expect(judge(ports(60_001))).toMatchObject({ healthy: false, clauses: { progress: { holds: false } } });
  });
  it('is a known long job, too, but not one that never ends', () => {
    expect(judge(ports(600_000, [{ since: 0 }])).healthy).toBe(true);
    expect(judge(ports(3 * 3_600_000, [{ since: 0 }])).healthy).toBe(false);
  });
});

describe('the configuration', () => {
  it('has defaults for everything but the endpoint', () => {
    expect(parseConfig({ endpoint: 'https://api.example.com', root: '/srv/h/' })).toMatchObject({
      root: '/srv/h',
      volumesDir: '/srv/h/volumes',
      pluginSocket: '/run/docker/plugins/hivemind.sock',
      allowedRoots: ['/data', '/mnt', '/srv', '/var/lib/hivemind'],
    });
  });
  it.each<[Record<string, unknown>, RegExp]>([
    [{}, /endpoint/],
    [{ endpoint: 'ftp://x' }, /endpoint/],
    [{ endpoint: 'http://x', root: 'relative' }, /absolute path/],
    [{ endpoint: 'http://x', root: '/a/../b' }, /without "\.\."/],
    [{ endpoint: 'http://x', pollSeconds: 0 }, /pollSeconds/],
    [{ endpoint: 'http://x', colour: 'red' }, /colour/],
  ])('is refused by name: %o', (settings, message) => {
    expect(() => parseConfig(settings)).toThrow(message);
  });
  it('is a file, and flags over it', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'hivemind-config-'));
    const file = join(dir, 'agent.json');
    await writeFile(file, JSON.stringify({ endpoint: 'http://file', pollSeconds: 5 }));
    const flags = ['--config', file, '--poll-seconds', '7', '--allowed-root', '/a', '--allowed-root', '/b'];
    expect(await parseCommand(flags)).toMatchObject({
      kind: 'run',
      config: { endpoint: 'http://file', pollSeconds: 7, allowedRoots: ['/a', '/b'] },
    });
    await writeFile(file, 'no json');
    await expect(parseCommand(['--config', file])).rejects.toThrow(/cannot be read as a JSON object/);
    await rm(dir, { recursive: true });
  });
  it('answers --help and --version, and refuses other flags', async () => {
    expect(await parseCommand(['--help'])).toEqual({ kind: 'help' });
    expect(await parseCommand(['--version'])).toEqual({ kind: 'version' });
    await expect(parseCommand(['--wat'])).rejects.toMatchObject({ code: 'InvalidInput' });
  });
});
