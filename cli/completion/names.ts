import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { openContext, type Context } from '../context.ts';
import type { World } from '../world.ts';

/** A shell waits while we ask the API: longer than this, and there are no names. */
const patience = 1500;

/** The names that may stand where the cursor is: of volumes, backups, hosts or operations; none when the API does not say. */
export async function namesFor(
  world: World,
  program: CommandUnknownOpts,
  words: readonly string[],
): Promise<string[]> {
  const command = commandOf(program, words);
  const read = readers.find(({ commands }) => commands.includes(command))?.read;
  if (read === undefined || words.at(-1)?.startsWith('-') === true) return [];
  try {
    const signal = AbortSignal.timeout(patience);
    return await read(await openContext(world, {}), signal);
  } catch {
    return [];
  }
}

interface Reader {
  readonly commands: readonly string[];
  readonly read: (context: Context, signal: AbortSignal) => Promise<string[]>;
}

const readers: readonly Reader[] = [
  {
    commands: [
      'volume inspect',
      'volume update',
      'volume delete',
      'volume attach',
      'volume detach',
      'volume backup',
      'operation ls',
    ],
    read: (context, signal) => volumeNames(context, signal, {}),
  },
  {
    commands: ['volume undelete'],
    read: (context, signal) => volumeNames(context, signal, { deleted: 'true' }),
  },
  {
    commands: ['inspect', 'delete', 'copy', 'drill', 'browse', 'extract', 'hold', 'release'].map(
      (command) => `backup ${command}`,
    ),
    read: backupIds,
  },
  {
    commands: ['inspect', 'update', 'pause', 'resume', 'run', 'delete', 'preview'].map(
      (command) => `backup policy ${command}`,
    ),
    read: policyNames,
  },
  { commands: ['host inspect', 'host drain'], read: hostIds },
  { commands: ['operation wait'], read: operationIds },
];

async function volumeNames(
  { api, namespace }: Context,
  signal: AbortSignal,
  query: { readonly deleted?: 'true' },
): Promise<string[]> {
  const { body } = await api.call('listVolumes', { params: { namespace }, query, signal });
  return body.items.map(({ name }) => name);
}

async function backupIds({ api, namespace }: Context, signal: AbortSignal): Promise<string[]> {
  return (await api.call('listBackups', { params: { namespace }, signal })).body.items.map(({ id }) => id);
}

async function policyNames({ api, namespace }: Context, signal: AbortSignal): Promise<string[]> {
  const { body } = await api.call('listPolicies', { params: { namespace }, signal });
  return body.items.map(({ name }) => name);
}

async function hostIds({ api, namespace }: Context, signal: AbortSignal): Promise<string[]> {
  return (await api.call('listHosts', { params: { namespace }, signal })).body.items.map(({ id }) => id);
}

async function operationIds({ api, namespace }: Context, signal: AbortSignal): Promise<string[]> {
  const { body } = await api.call('listOperations', { params: { namespace }, signal });
  return body.items.filter(({ status }) => status === 'pending' || status === 'running').map(({ id }) => id);
}

/** "volume delete" of `volume delete --force x`. */
function commandOf(program: CommandUnknownOpts, words: readonly string[]): string {
  const path: string[] = [];
  let at = program;
  for (const word of words.slice(0, -1)) {
    const child = childOf(at, word);
    if (child === undefined) continue;
    path.push(child.name());
    at = child;
  }
  return path.join(' ');
}

/** The words with every alias of a command replaced by its name; the last word is still being typed. */
export function withoutAliases(program: CommandUnknownOpts, words: readonly string[]): string[] {
  let at = program;
  return words.map((word, index) => {
    const child = index === words.length - 1 ? undefined : childOf(at, word);
    if (child === undefined) return word;
    at = child;
    return child.name();
  });
}

function childOf(command: CommandUnknownOpts, word: string): CommandUnknownOpts | undefined {
  return command.commands.find((child) => child.name() === word || child.aliases().includes(word));
}
