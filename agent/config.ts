import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import * as z from 'zod';
import { ProductError } from '#shared/model/errors.ts';

const AbsolutePath = z
  .string()
  .regex(/^\/(?!.*(?:^|\/)\.\.(?:\/|$))/, { error: 'an absolute path without ".."' })
  .transform((path) => (path.length > 1 ? path.replace(/\/+$/, '') : path));

/** The agent's configuration file (`--config FILE`, JSON); each key is also a flag (`--poll-seconds 10`). */
export const AgentConfig = z.strictObject({
  /** URL of the product's HTTP API. */
  endpoint: z.url({ protocol: /^https?$/ }),
  /** AWS Region; default: AWS_REGION, else the instance's own. */
  region: z.string().min(1).optional(),
  root: AbsolutePath.default('/var/lib/hivemind'),
  /** Where volumes show by name; default: ROOT/volumes. */
  volumesDir: AbsolutePath.optional(),
  pluginSocket: AbsolutePath.default('/run/docker/plugins/hivemind.sock'),
  healthSocket: AbsolutePath.default('/run/hivemind/agent.sock'),
  dockerSocket: AbsolutePath.default('/var/run/docker.sock'),
  /** Contract 9: a host path must lie under one of these. */
  allowedRoots: z.array(AbsolutePath).default(['/data', '/mnt', '/srv', '/var/lib/hivemind']),
  /** Overrides the control plane's poll interval, in seconds. */
  pollSeconds: z.number().positive().optional(),
  /** How long a mount that Docker asked for is kept before a container shows in the kernel, in seconds. */
  holdSeconds: z.number().positive().default(600),
  /** How long a mount that nothing uses is kept before the sweep takes it away, in seconds. */
  idleSeconds: z.number().min(0).default(120),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
});
export type AgentConfig = Omit<z.infer<typeof AgentConfig>, 'volumesDir'> & { readonly volumesDir: string };

const flags = {
  config: { type: 'string' },
  endpoint: { type: 'string' },
  region: { type: 'string' },
  root: { type: 'string' },
  'volumes-dir': { type: 'string' },
  'plugin-socket': { type: 'string' },
  'health-socket': { type: 'string' },
  'docker-socket': { type: 'string' },
  'allowed-root': { type: 'string', multiple: true },
  'poll-seconds': { type: 'string' },
  'hold-seconds': { type: 'string' },
  'idle-seconds': { type: 'string' },
  'log-level': { type: 'string' },
  version: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

export const usage = `hivemind-agent: mounts this host's volumes and serves Docker's volume plugin

Usage: agent.mjs --config FILE [flags]

  --config FILE           JSON with any of the settings below in camelCase
  --endpoint URL          the product's HTTP API (required, here or in the file)
  --region REGION         AWS Region (default: AWS_REGION, else the instance's)
  --root DIR              default /var/lib/hivemind
  --volumes-dir DIR       where volumes show by name (default ROOT/volumes)
  --plugin-socket PATH    default /run/docker/plugins/hivemind.sock
  --health-socket PATH    default /run/hivemind/agent.sock
  --docker-socket PATH    default /var/run/docker.sock
  --allowed-root DIR      host paths must lie under one of these (repeatable)
  --poll-seconds N        overrides the control plane's poll interval
  --hold-seconds N        keep what Docker asked for until its container shows (default 600)
  --idle-seconds N        keep a mount that nothing uses before the sweep takes it (default 120)
  --log-level LEVEL       debug, info, warn, error (default info)
  --version, --help
`;

/** What the command line asks for. */
export type Command =
  { readonly kind: 'help' | 'version' } | { readonly kind: 'run'; readonly config: AgentConfig };

/** @throws ProductError InvalidInput naming the flag or the setting. */
export async function parseCommand(argv: readonly string[]): Promise<Command> {
  const values = parseFlags(argv);
  if (values.help === true) return { kind: 'help' };
  if (values.version === true) return { kind: 'version' };
  const { config: file, version: _version, help: _help, ...overrides } = values;
  const settings = { ...(file === undefined ? {} : await readSettings(file)), ...camelCased(overrides) };
  return { kind: 'run', config: parseConfig(settings) };
}

export function parseConfig(settings: unknown): AgentConfig {
  const parsed = AgentConfig.safeParse(settings);
  if (!parsed.success) {
    throw new ProductError(
      'InvalidInput',
      `The agent's configuration is not valid: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}`,
      { hint: 'Correct the file given with --config, or the flag; --help lists the settings.' },
    );
  }
  return { ...parsed.data, volumesDir: parsed.data.volumesDir ?? `${parsed.data.root}/volumes` };
}

function parseFlags(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: flags, allowPositionals: false }).values;
  } catch (error) {
    throw new ProductError('InvalidInput', error instanceof Error ? error.message : String(error), {
      hint: 'Run with --help for the flags.',
      cause: error,
    });
  }
}

async function readSettings(file: string): Promise<Record<string, unknown>> {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    throw new ProductError(
      'InvalidInput',
      `The configuration file ${file} cannot be read as a JSON object.`,
      {
        value: file,
        cause: error,
      },
    );
  }
}

const numbers = new Set(['poll-seconds', 'hold-seconds', 'idle-seconds']);

function camelCased(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).map(([flag, value]) => [
      flag === 'allowed-root'
        ? 'allowedRoots'
        : flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase()),
      numbers.has(flag) ? Number(value) : value,
    ]),
  );
}
