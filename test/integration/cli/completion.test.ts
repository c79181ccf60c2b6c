import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
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

/** Goes to the beginning of the line and kills it. */
const killLine = '\u0001\u000b';

type Press = (keys: string, answer: string | RegExp) => Promise<void>;

/** Types at an interactive shell in a terminal; `press` waits for an answer on the screen. */
async function atPrompt(shell: string, work: (press: Press) => Promise<void>): Promise<void> {
  const terminal = spawn('/usr/bin/script', ['--quiet', '--command', shell, '/dev/null'], {
    env: { ...cli.cronEnv, PATH: `${cli.bin}:/usr/bin:/bin`, TERM: 'dumb', PS1: 'ready> ' },
  });
  let seen = '';
  terminal.stdout.on('data', (chunk: Buffer) => (seen += chunk.toString()));
  const ended = new Promise((resolve) => terminal.once('exit', resolve));
  try {
    await work(async (keys, answer) => {
      seen = '';
      terminal.stdin.write(keys);
      const shown = (): boolean => (typeof answer === 'string' ? seen.includes(answer) : answer.test(seen));
      await until(`"${answer}" after ${JSON.stringify(keys)}`, shown);
    });
  } finally {
    terminal.stdin.end(`${killLine}exit\n`);
    await ended;
  }
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

  it('completes at the prompt, without running what the line holds', async () => {
    await atPrompt('bash --norc -i', async (press) => {
      await press(`PS1='ready''> '; source <(hivemind completion bash)\n`, 'ready> ');
      await press('hivemind ver\t', 'hivemind version ');
      await press('\n', 'hivemind 0.1.0');
      await press(`hivemind volume update --description $(touch ${cli.folder}/ran) my\t`, 'my-data');
    });
    expect(existsSync(`${cli.folder}/ran`)).toBe(false);
  });

  it('offers no command that is not part of this release', async () => {
    expect(await offered('ap')).toEqual([]);
    expect(await offered('volume', 'usa')).toEqual([]);
  });
});

describe('completion in zsh', () => {
  it('completes at the prompt, without running what the line holds', async () => {
    await atPrompt('zsh -f -i', async (press) => {
      await press(`PS1='ready''> '; source <(hivemind completion zsh)\n`, 'ready> ');
      await press('hivemind ver\t', 'hivemind version ');
      await press('\n', 'hivemind 0.1.0');
      await press('hivemind volume ls --format=j\t', '--format=json');
      await press(' --format t\t', 'table');
      await press(`${killLine}hivemind volume create --type \t`, /ephemeral\s+hostpath\s+local\s+network/);
      await press(`${killLine}hivemind volume create --siz\t`, '--size');
      await press(`${killLine}hivemind host inspect i-\t`, 'i-0000000000000000a');
      await press(`${killLine}hivemind volume delete 'my\t`, "'my-data'");
      await press(
        `${killLine}hivemind volume update --description $(touch ${cli.folder}/ran) my\t`,
        'my-data',
      );
    });
    expect(existsSync(`${cli.folder}/ran`)).toBe(false);
  });

  it('is found on fpath', async () => {
    mkdirSync(`${cli.folder}/fpath`);
    const { stdout } = await cli.run(['completion', 'zsh']);
    writeFileSync(`${cli.folder}/fpath/_hivemind`, stdout);
    await atPrompt('zsh -f -i', async (press) => {
      const load = `fpath=(${cli.folder}/fpath $fpath); autoload -Uz compinit; compinit -u -D`;
      await press(`PS1='ready''> '; ${load}\n`, 'ready> ');
      await press('hivemind volume inspect oth\t', 'other ');
    });
    expect(stdout.split('\n')[0]).toBe('#compdef hivemind');
  });
});

describe('completion in fish', () => {
  /** What a real fish offers for a line, descriptions away. */
  async function offeredIn(line: string): Promise<string[]> {
    const script = `hivemind completion fish | source; complete --do-complete "$argv"`;
    const { stdout, stderr } = await cli.shell('/usr/bin/fish', ['--no-config', '-c', script, line]);
    expect(stderr).toBe('');
    return stdout
      .split('\n')
      .map((one) => one.split('\t')[0] ?? '')
      .filter((one) => one !== '')
      .toSorted();
  }

  it.each([
    ['hivemind vol', ['volume']],
    ['hivemind host dr', ['drain']],
    ['hivemind volume create --siz', ['--size']],
    ['hivemind volume create --type ', ['ephemeral', 'hostpath', 'local', 'network']],
    ['hivemind volume ls --format=j', ['--format=json']],
    ['hivemind volume inspect ', ['my-data', 'other']],
    ['hivemind volume rm --name my', ['my-data']],
    ['hivemind host inspect i-', ['i-0000000000000000a']],
    ['hivemind volume usa', []],
  ])('offers for "%s": %j', async (line, expected) => {
    expect(await offeredIn(line)).toEqual(expected);
  });

  it('describes commands', async () => {
    const script = 'hivemind completion fish | source; complete --do-complete "hivemind host dr"';
    const { stdout } = await cli.shell('/usr/bin/fish', ['--no-config', '-c', script]);
    expect(stdout).toMatch(/^drain\t\w/);
  });

  it('runs nothing that the line holds', async () => {
    const line = `hivemind volume update --description (touch ${cli.folder}/ran) my`;
    expect(await offeredIn(line)).toEqual(['my-data']);
    expect(existsSync(`${cli.folder}/ran`)).toBe(false);
  });
});

it('there is a script for PowerShell', async () => {
  const { code, stdout } = await cli.run(['completion', 'powershell']);
  expect(stdout).toContain('hivemind');
  expect(code).toBe(0);
});
