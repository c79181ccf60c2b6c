import { spawn } from 'node:child_process';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '#test/support/until.ts';
import { buildForTests, type BuiltCli } from './built-cli.ts';
import { startFakeApi, type FakeApi } from './fake-api/fake-api.ts';

let api: FakeApi;
let cli: BuiltCli;

beforeAll(async () => {
  api = await startFakeApi();
  cli = await buildForTests(api.url);
});
afterAll(async () => {
  cli?.remove();
  await api?.stop();
});
beforeEach(() => api.reset());

/** Runs a command line on a terminal of its own, presses keys when something shows, and gives its exit code. */
async function onTerminal(line: string, presses: readonly (readonly [shown: string, keys: string])[]) {
  const command = `stty cols 100; exec ${line}`;
  const shell = spawn('/usr/bin/script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    env: { ...cli.cronEnv, PATH: `${cli.bin}:/usr/bin:/bin`, TERM: 'xterm' },
  });
  let seen = '';
  shell.stdout.on('data', (chunk: Buffer) => (seen += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => shell.once('exit', resolve));
  try {
    for (const [shown, keys] of presses) {
      await until(`"${shown}" on the terminal`, () => seen.includes(shown));
      shell.stdin.write(keys);
    }
    return { code: await ended, seen };
  } finally {
    shell.kill();
  }
}

describe('on a terminal', () => {
  it('shows a bar, and the result at its end', async () => {
    const { code, seen } = await onTerminal('hivemind volume create bar', []);
    expect(seen).toContain('█████████████░░░░░░░  66% create bar: step 66');
    expect(seen.trimEnd().endsWith('Volume bar is created: local (ebs), 10G, available.')).toBe(true);
    expect(code).toBe(0);
  });

  it('Ctrl-C ends a wait, and that is no success', async () => {
    const { code } = await onTerminal('hivemind volume create stuck', [['create stuck: waiting', '\u0003']]);
    expect(code).toBe(130);
  });

  it('asks before a delete; Enter, n and Ctrl-C decline, y goes on', async () => {
    await cli.run(['volume', 'create', 'asked', '--type', 'network']);
    for (const key of ['\r', 'n', '\u0003']) {
      const { code, seen } = await onTerminal('hivemind volume delete asked', [['Delete asked?', key]]);
      expect(seen).toContain('Declined: nothing was changed.');
      expect(code).toBe(1);
    }
    expect(api.state.volumes.has('asked')).toBe(true);
    const { code } = await onTerminal('hivemind volume delete asked', [['Delete asked?', 'y']]);
    expect(code).toBe(0);
    expect(api.state.volumes.has('asked')).toBe(false);
  });
});
