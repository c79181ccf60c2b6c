import { mkdirSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { becomeRoot } from './become-root.ts';
import { cliCommand } from './cloud/cli-user.ts';
import { requireCloud } from './cloud/cloud-file.ts';
import { down, reset } from './cloud/down.ts';
import { CloudError } from './cloud/errors.ts';
import { progressOn } from './cloud/progress.ts';
import { checkout } from './cloud/runtime.ts';
import { isUp, logs, renderStatus, status } from './cloud/status.ts';
import { up } from './cloud/up.ts';
import { runHostCommand } from './hosts/command.ts';
import { HostError } from './hosts/errors.ts';
import { EmulatorError } from './emulator/errors.ts';

const usage = `Usage: npm run COMMAND -- [options]

  up [-y] [--port 4566] [--no-docker] [--apart]
                                        start the local cloud, or what of it does not run; --apart: this machine is
                                        no host of it, and nothing comes on PATH
  down                                  stop it; state is kept
  status [--json]                       what runs, and where it is reached
  logs [NAME...] [-f]                   the end of its logs
  reset                                 stop it and wipe its state
  host -- COMMAND ...                   further hosts on this machine; "npm run host" lists the commands

Options of all: --home DIR (or HIVEMIND_HOME): the cloud's folder, .hivemind of the checkout unless told
`;

const options = {
  home: { type: 'string' },
  port: { type: 'string', default: '4566' },
  yes: { type: 'boolean', short: 'y', default: false },
  docker: { type: 'boolean', default: true },
  apart: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  follow: { type: 'boolean', short: 'f', default: false },
} as const;

type Values = ReturnType<typeof parse>['values'];

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, allowNegative: true });
  } catch (error) {
    throw new CloudError('Usage', `${(error as Error).message}\n\n${usage}`);
  }
}

function homeOf(given: string | undefined): string {
  const home = resolve(given ?? process.env['HIVEMIND_HOME'] ?? join(checkout, '.hivemind'));
  mkdirSync(home, { recursive: true });
  return realpathSync(home);
}

/** `--home DIR` ahead of a host's command: what comes later may be meant for a command that runs on the host. */
function homeBefore(args: readonly string[]): { home: string | undefined; rest: readonly string[] } {
  const [first = '', second, ...more] = args;
  if (first === '--home') return { home: second, rest: more };
  const joined = first.startsWith('--home=');
  return joined
    ? { home: first.slice('--home='.length), rest: args.slice(1) }
    : { home: undefined, rest: args };
}

const commands: Readonly<Record<string, (values: Values, names: readonly string[]) => Promise<number>>> = {
  async up(values) {
    const home = homeOf(values.home);
    const port = Number(values.port);
    if (!Number.isInteger(port) || port < 0 || port > 65_000)
      throw new CloudError('Usage', `--port ${values.port}: a number from 0 to 65000.`);
    const { yes } = values;
    const cloud = await up({ home, port, yes, docker: values.docker, apart: values.apart, progress });
    progress.line(
      `The local cloud is up: API http://127.0.0.1:${cloud.ports.api}, AWS http://127.0.0.1:${cloud.ports.aws}. Try: ${cliCommand(home)} volume ls`,
    );
    return 0;
  },
  async down(values) {
    await down({ home: homeOf(values.home), progress });
    return 0;
  },
  async reset(values) {
    await reset({ home: homeOf(values.home), progress });
    return 0;
  },
  async status(values) {
    const found = await status(homeOf(values.home));
    process.stdout.write(values.json ? `${JSON.stringify(found, null, 2)}\n` : renderStatus(found));
    return isUp(found) ? 0 : 1;
  },
  logs: (values, names) => logs(homeOf(values.home), names, values.follow),
};

const progress = progressOn(process.stdout);

async function main([name = '', ...args]: readonly string[]): Promise<number> {
  if (name === 'host') {
    becomeRoot();
    const { home, rest } = homeBefore(args);
    return runHostCommand(rest, requireCloud(homeOf(home)));
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined)
    throw new CloudError('Usage', name === '' ? usage : `"${name}" is not a command.\n\n${usage}`);
  const { values, positionals } = parse(args);
  becomeRoot();
  return command(values, positionals);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof CloudError || error instanceof HostError || error instanceof EmulatorError))
    throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = error.code === 'Usage' ? 2 : 1;
}
