import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '#test/support/until.ts';
import { buildForTests, type BuiltCli } from './built-cli.ts';
import { startFakeApi, type FakeApi } from './fake-api/fake-api.ts';

let api: FakeApi;
let cli: BuiltCli;

beforeAll(async () => {
  api = await startFakeApi();
  cli = await buildForTests(api.url);
  await cli.run(['volume', 'create', 'my-data', '--type', 'network']);
  await cli.run(['volume', 'create', 'other', '--type', 'network']);
});
afterAll(async () => {
  cli?.remove();
  await api?.stop();
});

/** What a real bash offers for a line: its completion function is called as bash calls it when Tab is pressed. */
async function offered(...words: readonly string[]): Promise<string[]> {
  const script = `
    source <(hivemind completion bash)
    COMP_WORDS=(hivemind "$@")
    COMP_CWORD=$#
    $(complete -p hivemind | sed -E 's/.* -F ([^ ]+) .*/\\1/')
    printf '%s\\n' "\${COMPREPLY[@]}"
  `;
  const { stdout, stderr } = await cli.shell('/bin/bash', ['--norc', '-c', script, 'bash', ...words]);
  expect(stderr).toBe('');
  return stdout
    .split('\n')
    .filter((word) => word !== '')
    .toSorted();
}

describe('completion in bash', () => {
  it('offers commands', async () => {
    expect(await offered('vol')).toEqual(['volume']);
    expect(await offered('volume', '')).toEqual(
      expect.arrayContaining(['attach', 'create', 'delete', 'detach', 'inspect', 'ls', 'undelete', 'update']),
    );
    expect(await offered('host', 'dr')).toEqual(['drain']);
  });

  it('offers flags and their values', async () => {
    expect(await offered('volume', 'create', '--si')).toEqual(['--size']);
    expect(await offered('volume', 'create', '--type', '')).toEqual([
      'ephemeral',
      'hostpath',
      'local',
      'network',
    ]);
    expect(await offered('volume', 'ls', '--format', 'j')).toEqual(['json']);
  });

  it('offers the names of volumes and hosts that are there', async () => {
    expect(await offered('volume', 'inspect', '')).toEqual(['my-data', 'other']);
    expect(await offered('volume', 'delete', 'my')).toEqual(['my-data']);
    expect(await offered('volume', 'rm', '--name', 'my')).toEqual(['my-data']);
    expect(await offered('host', 'inspect', 'i-')).toEqual(['i-0000000000000000a']);
  });

  it('offers values after = too, where bash has split the word', async () => {
    expect(await offered('volume', 'ls', '--format', '=')).toEqual(['json', 'table']);
    expect(await offered('volume', 'ls', '--format', '=', 'j')).toEqual(['json']);
  });

  it('completes at the prompt of an interactive bash, without running what the line holds', async () => {
    const shell = spawn('/usr/bin/script', ['--quiet', '--command', 'bash --norc -i', '/dev/null'], {
      env: { ...cli.cronEnv, PATH: `${cli.bin}:/usr/bin:/bin`, TERM: 'dumb', PS1: 'ready> ' },
    });
    let seen = '';
    shell.stdout.on('data', (chunk: Buffer) => (seen += chunk.toString()));
    const press = async (keys: string, answer: string): Promise<void> => {
      seen = '';
      shell.stdin.write(keys);
      await until(`"${answer}" after ${JSON.stringify(keys)}`, () => seen.includes(answer));
    };
    const ended = new Promise((resolve) => shell.once('exit', resolve));
    try {
      await press(`PS1='ready''> '; source <(hivemind completion bash)\n`, 'ready> ');
      await press('hivemind ver\t', 'hivemind version ');
      await press('\n', 'hivemind 0.1.0');
      await press(`hivemind volume update --description $(touch ${cli.folder}/ran) my\t`, 'my-data');
    } finally {
      shell.stdin.end('\u0001\u000bexit\n');
      await ended;
    }
    expect(existsSync(`${cli.folder}/ran`)).toBe(false);
  });

  it('offers no command that is not part of this release', async () => {
    expect(await offered('ap')).toEqual([]);
    expect(await offered('volume', 'usa')).toEqual([]);
  });

  it.each(['bash', 'zsh', 'fish'])('prints a script for %s', async (shell) => {
    const { code, stdout } = await cli.run(['completion', shell]);
    expect(stdout).toContain('hivemind');
    expect(code).toBe(0);
  });
});
