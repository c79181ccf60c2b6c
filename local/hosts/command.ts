import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { hostEnvironment } from './agent.ts';
import type { HostCloud } from './cloud.ts';
import { HOST_PATH } from './daemons.ts';
import { DOCKER_SOCKET } from './docker.ts';
import { HostError } from './errors.ts';
import { addHost, cutHost, freezeHost, removeHost, startHost, stopHost, thawHost } from './hosts.ts';
import { hostStatuses } from './fleet.ts';
import { findMachine, insideOf } from './machine.ts';
import type { Machine } from './machine.ts';
import { insideArgv } from './namespaces.ts';

/** Help of the command, as `npm run host` prints it. */
export const HOST_USAGE = `Usage: npm run host -- COMMAND

  add NAME [--zone us-east-1b] [--instance-type t3.medium] [--no-docker] [--no-agent]
                       makes a host on this machine: namespaces, devices, IMDS, agent and Docker of its own
  exec NAME -- CMD...  runs a command inside, with this terminal and the command's exit code
  ls [--json]          lists the hosts
  stop NAME            EC2's stop: shuts down, fenced; a frozen host's processes stay
  start NAME           EC2's start: another boot id; also starts whatever of a running host has died
  freeze NAME          every process stops where it is
  thaw NAME            and goes on
  cut NAME [--reboot]  power loss: what was not synced is gone
  rm NAME              terminates the instance and removes all of the host
`;

const options = {
  zone: { type: 'string' },
  'instance-type': { type: 'string' },
  docker: { type: 'boolean', default: true },
  agent: { type: 'boolean', default: true },
  reboot: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, allowNegative: true });
  } catch (error) {
    throw new HostError('Usage', `${(error as Error).message}\n\n${HOST_USAGE}`);
  }
}

type Values = ReturnType<typeof parse>['values'];
type Print = (text: string) => void;

/** Runs a command inside with our terminal. Gives its exit code; 128 + number for a signal, as a shell does. */
function runAttached(machine: Machine, command: readonly string[]): Promise<number> {
  const environment = { ...hostEnvironment(machine), DOCKER_HOST: `unix://${DOCKER_SOCKET}` };
  const [file = '', ...args] = insideArgv(insideOf(machine), command);
  const child = spawn(file, args, {
    stdio: 'inherit',
    cwd: '/',
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:${HOST_PATH}`, ...environment },
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 137));
  });
}

async function list(cloud: HostCloud, values: Values, print: Print): Promise<void> {
  const statuses = await hostStatuses(cloud);
  if (values.json) {
    print(`${JSON.stringify(statuses, null, 2)}\n`);
    return;
  }
  const rows = [
    ['NAME', 'INSTANCE', 'ZONE', 'ADDRESS', 'STATE', 'EC2'],
    ...statuses.map((host) => [host.name, host.instanceId, host.zone, host.address, host.state, host.ec2]),
  ];
  const widths = [0, 1, 2, 3, 4, 5].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows) {
    print(
      `${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    );
  }
}

interface Call {
  readonly cloud: HostCloud;
  readonly name: string;
  readonly values: Values;
  readonly print: Print;
}

async function add({ cloud, name, values, print }: Call): Promise<void> {
  const { record, net } = await addHost(cloud, name, {
    docker: values.docker,
    agent: values.agent,
    ...(values.zone ? { zone: values.zone } : {}),
    ...(values['instance-type'] ? { instanceType: values['instance-type'] } : {}),
    say: (line) => print(`${line}\n`),
  });
  print(`${name}: ready (${record.instanceId}, ${record.zone}, ${net.address})\n`);
}

const say = (print: Print) => (line: string) => print(`${line}\n`);

/** The commands that take a name, and what each says when it is done. */
const commands: Readonly<Record<string, (call: Call) => Promise<void>>> = {
  add,
  rm: async ({ cloud, name, print }) => {
    await removeHost(cloud, name);
    print(`${name}: removed\n`);
  },
  stop: async ({ cloud, name, print }) => {
    await stopHost(cloud, name);
    print(`${name}: stopped\n`);
  },
  start: async ({ cloud, name, print }) => {
    const { record } = await startHost(cloud, name, say(print));
    print(`${name}: running (boot ${record.bootId ?? ''})\n`);
  },
  freeze: async ({ cloud, name, print }) => {
    await freezeHost(cloud, name);
    print(`${name}: frozen\n`);
  },
  thaw: async ({ cloud, name, print }) => {
    await thawHost(cloud, name);
    print(`${name}: goes on\n`);
  },
  cut: async ({ cloud, name, values, print }) => {
    await cutHost(cloud, name);
    print(`${name}: power is off\n`);
    if (values.reboot) await startHost(cloud, name, say(print));
  },
};

/**
 * The command `host …`. Gives the exit code: 0, or for `exec` the command's own.
 * @throws HostError for what a person did wrong or what failed; its message is fit to print.
 */
export async function runHostCommand(
  argv: readonly string[],
  cloud: HostCloud,
  print: Print = (text) => void process.stdout.write(text),
): Promise<number> {
  const [verb = '', ...rest] = argv;
  if (verb === 'exec') {
    const [name = '', ...command] = rest;
    const inner = command[0] === '--' ? command.slice(1) : command;
    if (name === '' || inner.length === 0) throw new HostError('Usage', HOST_USAGE);
    return runAttached(findMachine(cloud, name), inner);
  }
  const { values, positionals } = parse(rest);
  if (verb === 'ls') {
    await list(cloud, values, print);
    return 0;
  }
  if (['', 'help', '--help', '-h'].includes(verb)) {
    print(HOST_USAGE);
    return 0;
  }
  const command = Object.hasOwn(commands, verb) ? commands[verb] : undefined;
  const [name, ...more] = positionals;
  if (!command || name === undefined || more.length > 0) throw new HostError('Usage', HOST_USAGE);
  if (process.getuid?.() !== 0)
    throw new HostError('NotRoot', 'Hosts are made of namespaces: run this as root (sudo).');
  await command({ cloud, name, values, print });
  return 0;
}
