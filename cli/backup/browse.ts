import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ListedEntry } from '#shared/model/extract.ts';
import type { Context } from '../context.ts';
import { listedColumns } from '../render/listed.ts';
import { printList } from '../render/list.ts';
import { fetchRead, readBackup, type ReadFlags } from './read.ts';

interface BrowseFlags extends ReadFlags {
  readonly quiet?: true | undefined;
}

/** Lists one directory of a backup, in the order of the names' bytes. */
export async function browseBackup(
  context: Context,
  { backup, path = '' }: { readonly backup: string; readonly path: string | undefined },
  flags: BrowseFlags,
): Promise<void> {
  const made = await readBackup(context, 'browseBackup', { backup, path, ...flags });
  const folder = await mkdtemp(join(tmpdir(), 'hivemind-'));
  try {
    const file = join(folder, 'listing');
    await fetchRead(context, made, { file, overwrite: false });
    await printList(context, await entriesOf(file), {
      quiet: flags.quiet === true ? (entry) => entry.path : undefined,
      columns: listedColumns,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function entriesOf(file: string): Promise<ListedEntry[]> {
  const entries: ListedEntry[] = [];
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY });
  for await (const line of lines) entries.push(ListedEntry.parse(JSON.parse(line)));
  return entries;
}
