import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '#test/support/until.ts';
import { startMortalAgent } from './support/mortal-agent.ts';

/** Status and body of GET /health. */
function health(socketPath: string): Promise<{ status: number; body: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path: '/health' }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Record<string, unknown>;
        resolve({ status: answer.statusCode ?? 0, body });
      });
    });
    call.on('error', reject);
    call.end();
  });
}

describe('the daemon', () => {
  let agent: Awaited<ReturnType<typeof startMortalAgent>>;
  beforeEach(async () => {
    agent = await startMortalAgent();
  });
  afterEach(async () => {
    await agent.close();
  });
  const socket = (): string => join(agent.sandbox.dir, 'health.sock');

  it('is healthy, with or without the API, and says which', async () => {
    await agent.insist('Create', { Name: 'data', Opts: { size: '1G' } });
    await until('it is linked', async () => (await health(socket())).body['linked'] === true);
    expect((await health(socket())).body['allowedRoots']).toEqual(expect.any(Array));
    agent.cloud.away = true;
    await until('it has noticed', async () => (await health(socket())).body['linked'] === false);
    expect(await health(socket())).toMatchObject({ status: 200, body: { healthy: true, linked: false } });
  });

  it('makes the folder that volumes show in, which root alone may write to', async () => {
    await agent.insist('Create', { Name: 'data' });
    const found = await stat(join(agent.root, 'volumes'));
    expect([found.isDirectory(), found.uid, found.mode & 0o777]).toEqual([true, 0, 0o755]);
  });

  it('ends at SIGTERM and leaves its mounts, which the next one adopts', async () => {
    await agent.insist('Create', { Name: 'data', Opts: { size: '1G' } });
    const path = (await agent.insist('Mount', { Name: 'data', ID: 'one' })).Mountpoint ?? '';
    await writeFile(join(path, 'file'), 'kept');
    expect(await agent.terminate()).toBe(0);
    expect(await readFile(join(path, 'file'), 'utf8')).toBe('kept');
    expect((await agent.insist('Path', { Name: 'data' })).Mountpoint).toBe(path);
    await agent.insist('Unmount', { Name: 'data', ID: 'one' });
    // A device that something looks at for a moment is let go at the next sync, which is half a minute later.
    await until(
      'it is unmounted',
      async () => !(await readFile('/proc/self/mountinfo', 'utf8')).includes(path),
      { within: 90_000 },
    );
  });

  it('does not take the socket from one that answers', async () => {
    await agent.insist('Create', { Name: 'data' });
    const second = spawn(process.execPath, agent.command, {
      env: agent.env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const said = once(second.stderr, 'data') as Promise<[Buffer]>;
    expect((await said)[0].toString()).toMatch(/Another agent already answers/);
    expect(await once(second, 'exit')).toEqual([1, null]);
  });

  it.each([
    [['--wat'], /Unknown option '--wat'/],
    [['--config', '/nowhere/agent.json'], /cannot be read/],
    [[], /endpoint/],
  ])('refuses to start with %o and says why', async (args, message) => {
    const [bundle = ''] = agent.command;
    const child = spawn(process.execPath, [bundle, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    const said = once(child.stderr, 'data') as Promise<[Buffer]>;
    expect((await said)[0].toString()).toMatch(message);
    expect(await once(child, 'exit')).toEqual([1, null]);
  });
});
