import { type FileHandle, mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { StorageFault } from '../errors.ts';

/** One change of one record; `value` absent means deleted. */
export interface Change {
  readonly table: string;
  readonly id: string;
  readonly value?: unknown;
}

/**
 * `state.json` (the whole, replaced by rename) and `state.log` (what changed since, a line each). A line that a crash
 * cut short was never confirmed to anybody and is dropped. Changes that wait for the disk share one fsync.
 */
export class Journal {
  readonly #dir: string;
  #log: FileHandle;
  #waiting: Change[] = [];
  #busy: Promise<void> | undefined;
  #lines = 0;
  /** Bytes of the log that are whole lines. */
  #size = 0;

  private constructor(dir: string, log: FileHandle) {
    this.#dir = dir;
    this.#log = log;
  }

  /** Opens the folder's journal and gives every live record in it. */
  static async open(dir: string): Promise<{ journal: Journal; changes: readonly Change[] }> {
    await mkdir(dir, { recursive: true });
    const changes = [...(await readState(dir)), ...(await readLog(dir))];
    const journal = new Journal(dir, await open(join(dir, 'state.log'), 'a'));
    return { journal, changes };
  }

  append(change: Change): void {
    this.#waiting.push(change);
  }

  /** Lines written since the last {@link compact}. */
  get length(): number {
    return this.#lines;
  }

  /** Resolves once everything appended before the call is on the disk. */
  async commit(): Promise<void> {
    await this.#exclusively(async () => {
      if (this.#waiting.length > 0) await this.#flush();
    });
  }

  async #exclusively(work: () => Promise<void>): Promise<void> {
    while (this.#busy) await this.#busy.catch(() => undefined);
    this.#busy = work().finally(() => (this.#busy = undefined));
    await this.#busy;
  }

  async #flush(): Promise<void> {
    const batch = this.#waiting;
    this.#waiting = [];
    const text = batch.map((change) => `${JSON.stringify(change)}\n`).join('');
    try {
      await this.#log.appendFile(text);
      await this.#log.datasync();
    } catch (error) {
      // The disk is full or broken: what was half written goes, and all of it is tried again with the next commit.
      this.#waiting = [...batch, ...this.#waiting];
      await this.#log.truncate(this.#size);
      throw error;
    }
    this.#size += Buffer.byteLength(text);
    this.#lines += batch.length;
  }

  /** Replaces both files by the records that `snapshot` gives; changes appended meanwhile wait for the new log. */
  async compact(snapshot: () => readonly Change[]): Promise<void> {
    await this.#exclusively(async () => {
      const text = JSON.stringify({ version: 1, records: snapshot() });
      const covered = this.#waiting.length;
      await replaceFile(join(this.#dir, 'state.json'), text);
      await syncFolder(this.#dir);
      this.#waiting.splice(0, covered);
      // A crash here replays the log over the state that already holds it, which changes nothing.
      await this.#log.truncate(0);
      this.#lines = 0;
      this.#size = 0;
    });
  }

  async close(): Promise<void> {
    await this.commit();
    await this.#log.close();
  }
}

async function readState(dir: string): Promise<readonly Change[]> {
  const text = await readIfThere(join(dir, 'state.json'));
  if (text === '') return [];
  const state = JSON.parse(text) as { version: number; records: Change[] };
  if (state.version !== 1)
    throw new StorageFault(`${dir}/state.json is of version ${state.version}, this service reads 1`);
  return state.records;
}

async function readLog(dir: string): Promise<readonly Change[]> {
  const lines = (await readIfThere(join(dir, 'state.log'))).split('\n');
  const changes: Change[] = [];
  for (const line of lines.slice(0, -1)) {
    try {
      changes.push(JSON.parse(line) as Change);
    } catch {
      break; // Torn by a power loss: neither it nor what follows was confirmed.
    }
  }
  return changes;
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  const next = await open(`${path}.new`, 'w', 0o600);
  await next.writeFile(text);
  await next.sync();
  await next.close();
  await rename(`${path}.new`, path);
}

async function syncFolder(dir: string): Promise<void> {
  const folder = await open(dir, 'r');
  await folder.sync();
  await folder.close();
}
