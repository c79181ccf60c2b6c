import { readFileSync } from 'node:fs';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { describe, expect, it } from 'vitest';
import { buildProgram } from '#cli/program.ts';
import { version } from '#cli/version.ts';
import type { World } from '#cli/world.ts';
import { errorCodes, ProductError, type ErrorCode } from '#shared/model/errors.ts';
import { answer, runCli } from './support/fake-world.ts';
import { anOperation, aVolume } from './support/values.ts';

/** Declaring commands touches nothing of the world. */
const program = buildProgram({} as World, () => undefined);

function leavesOf(command: CommandUnknownOpts): CommandUnknownOpts[] {
  const children = command.createHelp().visibleCommands(command);
  return children.length === 0
    ? [command]
    : children.filter((child) => child.name() !== 'help').flatMap(leavesOf);
}
const pathOf = (command: CommandUnknownOpts): string =>
  command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
const leaves = leavesOf(program).map((command) => [pathOf(command), command] as const);

describe('every command', () => {
  it('is there', () => {
    const volume = [
      'create',
      'ls',
      'inspect',
      'update',
      'delete',
      'undelete',
      'attach',
      'detach',
      'backup',
      'restore',
    ];
    const backup = ['ls', 'inspect', 'delete', 'copy', 'drill', 'browse', 'extract', 'hold', 'release'].map(
      (name) => `backup ${name}`,
    );
    const policy = ['create', 'ls', 'inspect', 'update', 'pause', 'resume', 'run', 'delete', 'preview'];
    const policies = policy.map((name) => `backup policy ${name}`);
    const rest = ['host ls', 'host inspect', 'host drain', 'operation ls', 'operation wait'];
    const single = ['doctor', 'proxy', 'completion', 'version'];
    expect(leaves.map(([path]) => path.replace('hivemind ', ''))).toEqual(
      volume.map((name) => `volume ${name}`).concat(backup, policies, rest, single),
    );
  });

  it.each(leaves)('%s shows help with examples, exit 0', async (path) => {
    const words = path.split(' ').slice(1);
    const { code, out, err } = await runCli([...words, '--help']);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain(`Usage: ${path.split(' ')[0]} ${words[0]}`);
    expect(out).toContain('\nExamples:\n  $ ');
  });

  it.each(leaves.filter(([path]) => !path.endsWith('completion')))(
    '%s takes --json and the connection',
    (_path, command) => {
      const flags = command.options.map(({ long }) => long);
      expect(flags).toEqual(
        expect.arrayContaining(['--json', '--format', '--endpoint', '--region', '--profile', '--namespace']),
      );
    },
  );
});

it('the version is package.json’s', () => {
  const { version: packaged } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  expect(version).toBe(packaged);
});

describe('usage errors', () => {
  it.each([
    ['', 'A command is missing.'],
    ['volume', 'A command is missing.'],
    ['volume crate', "Unknown command 'crate'."],
    ['volume ls --nope', "Unknown option '--nope'."],
    ['volume ls --format yaml', "Option '--format <format>' argument 'yaml' is invalid."],
    ['volume inspect a b', "Too many arguments for 'inspect'."],
    ['volume inspect', 'No name is given.'],
    ['volume create a --name b', 'Two names are given'],
    ['volume create v --labels app', '"app" is not a label.'],
    ['volume create v --labels a=1,a=2', 'label "a" is given twice.'],
    ['volume create v --owner me', '"me" is not an owner.'],
    ['volume ls --labels a=1,=2', '"=2" is not a label condition.'],
    ['volume update v', 'Nothing to change is given.'],
    ['volume update v --labels a=1 --label-add b=2', "Option '--label-add <labels>' cannot be used"],
    ['volume attach v', 'No host is given.'],
    ['operation wait', 'No id is given.'],
    ['backup policy create p', 'A policy needs a schedule and a selector.'],
    ['backup policy update p', 'Nothing to change is given.'],
    ['backup policy update p --keep-last some', '"some" is not a number of backups to keep.'],
    ['proxy --port 99999', '"99999" is not a port.'],
  ])('hivemind %s: exit 2', async (line, message) => {
    const { code, out, err } = await runCli(line === '' ? [] : line.split(' '));
    expect(err).toContain(message);
    expect(out).toBe('');
    expect(code).toBe(2);
  });

  it('are problem documents with --json, wherever it stands', async () => {
    for (const args of [
      ['volume', 'crate', '--json'],
      ['--json', 'volume', 'inspect'],
      ['volume', 'inspect', '--format', 'json'],
    ]) {
      expect(JSON.parse((await runCli(args)).err)).toMatchObject({ code: 'InvalidInput', status: 400 });
    }
  });
});

describe('exit codes', () => {
  it.each(Object.entries(errorCodes))('%s', async (name, { exit }) => {
    const getVolume = (): never => {
      throw new ProductError(name as ErrorCode, 'As asked.');
    };
    const { code, out, err } = await runCli(['volume', 'inspect', 'db'], { answers: { getVolume } });
    expect([code, out, err]).toEqual([exit, '', 'hivemind: As asked.']);
  });

  it('of an operation that failed is that of its error, 1 when that is unknown', async () => {
    const failing = (code: string) => ({
      createVolume: () => answer(202, anOperation()),
      getOperation: () => anOperation({ status: 'failed', error: { code, detail: 'It failed.' } }),
    });
    expect((await runCli(['volume', 'create', 'db'], { answers: failing('VolumeBusy') })).code).toBe(4);
    expect((await runCli(['volume', 'create', 'db'], { answers: failing('Whatever') })).code).toBe(1);
  });
});

describe('waiting', () => {
  const endless = { createVolume: () => answer(202, anOperation()), getOperation: () => anOperation() };

  it('stops at --timeout with exit 6, and asks less and less often', async () => {
    const { code, err, calls, took } = await runCli(['volume', 'create', 'db', '--timeout', '1m'], {
      answers: endless,
    });
    expect(code).toBe(6);
    expect(err).toContain(
      'next: It goes on. Wait again with: hivemind operation wait op-01J0000000000000000000000P',
    );
    expect(took).toBe(60_000);
    expect(calls.length).toBeLessThan(45);
  });

  it('prints the operation as JSON with --no-wait --json', async () => {
    const { out } = await runCli(['volume', 'create', 'db', '--no-wait', '--json'], { answers: endless });
    expect(JSON.parse(out)).toEqual(anOperation());
  });

  it('says that the volume is deleted when another has its name at the end', async () => {
    const answers = {
      deleteVolume: () => answer(202, anOperation({ kind: 'delete' })),
      getOperation: () => anOperation({ kind: 'delete', status: 'succeeded', progress: 100 }),
      getVolume: () => aVolume({ id: 'vol-01J0000000000000000000000W' }),
    };
    const { code, out } = await runCli(['volume', 'delete', 'db'], { answers });
    expect([code, out]).toEqual([0, 'Volume db is deleted. Undo with: hivemind volume undelete db']);
  });
});

describe('dangerous commands', () => {
  const answers = { deleteVolume: () => aVolume({ state: 'deleted' }), detachVolume: () => aVolume() };

  it('ask where somebody can answer; declining exits 1 and calls nothing', async () => {
    const { code, err, calls, asked } = await runCli(['volume', 'delete', 'db'], { answers, person: false });
    expect(asked).toEqual(['Delete db? It can be undeleted until the undo window ends.']);
    expect(err).toBe('hivemind: Declined: nothing was changed.');
    expect([code, calls]).toEqual([1, []]);
  });

  it('go on after a yes, and are not asked with -y', async () => {
    expect((await runCli(['volume', 'delete', 'db'], { answers, person: true })).code).toBe(0);
    const silent = await runCli(['volume', 'delete', 'db', '-y'], { answers, person: false });
    expect([silent.code, silent.asked]).toEqual([0, []]);
  });

  it('say what is lost with --purge', async () => {
    const { asked, calls } = await runCli(['volume', 'delete', 'db', '--purge'], { answers, person: true });
    expect(asked[0]).toContain('Its data and its final backup are lost for good.');
    expect(calls[0]?.query).toEqual({ purge: 'true' });
  });

  it('delete without a terminal asks nobody, as it can be undone; --purge and --force-detach need --yes', async () => {
    expect((await runCli(['volume', 'delete', '--name', 'db'], { answers })).code).toBe(0);
    expect((await runCli(['volume', 'delete', 'db', '--purge'], { answers })).code).toBe(2);
    expect((await runCli(['volume', 'detach', 'db', '--force-detach'], { answers })).code).toBe(2);
    expect((await runCli(['volume', 'detach', 'db', '--force-detach', '--yes'], { answers })).code).toBe(0);
  });
});

describe('flags before and after the command', () => {
  const answers = { listVolumes: () => ({ items: [aVolume()] }) };

  it('are the same; the command’s own count first', async () => {
    const before = await runCli(['--namespace', 'early', '--json', 'volume', 'ls'], { answers });
    expect(before.calls[0]?.params).toEqual({ namespace: 'early' });
    expect(JSON.parse(before.out)).toEqual([aVolume()]);
    const both = await runCli(['--namespace', 'early', 'volume', 'ls', '--namespace', 'late'], { answers });
    expect(both.calls[0]?.params).toEqual({ namespace: 'late' });
  });
});
