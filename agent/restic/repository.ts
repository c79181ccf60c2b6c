import { randomUUID } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { ProductError } from '#shared/model/errors.ts';
import { backupSnapshotTag, type FilesReport } from '#shared/model/repository.ts';
import { backupArgs, type Subject } from './backup-args.ts';
import {
  runRestic,
  startRestic,
  type ResticCall,
  type ResticEnd,
  type ResticLines,
  type ResticPlaces,
  type RunningRestic,
  type Shown,
} from './confined-restic.ts';
import { clearCheckCaches, draftPrefix } from './leftovers.ts';
import { putObject, removeObject, type S3Object } from './s3-objects.ts';
import { backupNotes, restoreWarnings } from './words.ts';
import type { Session } from './session.ts';

export interface RepositoryPorts {
  readonly session: Session;
  readonly places: ResticPlaces;
  /** Aborted when the agent stops. */
  readonly stopping: AbortSignal;
  /** Milliseconds between tries while somebody else has the repository. */
  readonly lockedPauseMs?: number;
}

const Snapshots = z
  .array(z.object({ id: z.string(), time: z.string(), tree: z.string() }))
  .nullable()
  .transform((list) => list ?? []);
type Snapshot = z.output<typeof Snapshots>[number];
const Summary = z.object({
  total_files_processed: z.int(),
  total_bytes_processed: z.int(),
  data_added: z.int(),
  data_added_packed: z.int().optional(),
});
const Node = z.object({ path: z.string() });
const Stats = z.object({ total_size: z.int() });

/** A lock of a host that is dead counts as stale after half an hour: so long, and a little more, is waited. */
const lockedFor = 40 * 60_000;
const isSummary = (line: string): boolean => line.includes('"message_type":"summary"');
/** restic made a snapshot without what it could not read. */
const incomplete = 3;

/** One volume's repository, as restic sees it. */
export class Repository {
  readonly #ports: RepositoryPorts;

  constructor(ports: RepositoryPorts) {
    this.#ports = ports;
  }

  /** Makes the repository where there is none. Locks that a dead process left are removed, no others. */
  async open(): Promise<void> {
    if (await this.unlock()) return;
    const { session } = this.#ports;
    await session.begin();
    if (session.url.startsWith('s3:')) await this.#send();
    else demand(await this.#run({ args: ['init'] }), 'init');
  }

  /**
   * To make a repository restic asks S3 for the whole bucket, which is nobody's to see: it is made here, and its two objects are
   * sent. The config goes last: without it there is no repository.
   */
  async #send(): Promise<void> {
    const { places } = this.#ports;
    const draft = `${draftPrefix}${randomUUID()}`;
    const folder = join(places.cache, draft);
    try {
      demand(await this.#run({ args: ['init'] }, `/cache/${draft}`), 'init');
      const keys = (await readdir(join(folder, 'keys'))).map((name) => `keys/${name}`);
      for (const name of [...keys, 'config']) {
        const content = await readFile(join(folder, name));
        await putObject({ ...(await this.#object(name)), content });
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #object(name: string): Promise<S3Object> {
    const { session } = this.#ports;
    const url = new URL(`${session.url.replace(/^s3:/, '')}/${name}`);
    return { url, region: session.region, credentials: await session.keys() };
  }

  /** Removes the locks that a dead process left. Gives false where there is no repository. */
  async unlock(): Promise<boolean> {
    const end = await this.#run({ args: ['unlock'] });
    if (isMissing(end)) return false;
    demand(end, 'unlock');
    return true;
  }

  /**
   * The tree that is the root of a snapshot. Locks that a dead process left are removed.
   * @throws ProductError BackupNotFound when the snapshot, or the whole repository, is gone
   */
  async treeOf(snapshotId: string): Promise<string> {
    if (!(await this.unlock())) throw gone('The repository of the backup is gone', snapshotId);
    const found = (await this.#all()).find(({ id }) => id === snapshotId);
    if (found !== undefined) return found.tree;
    throw gone('The snapshot of the backup is not in its repository any more', snapshotId);
  }

  /**
   * What a command that changes nothing writes, as it comes; who stops reading ends it. Where it ends it is whole.
   * @throws ProductError CommandFailed with restic's own words
   */
  async *output(call: Pick<ResticCall, 'args' | 'last'>): AsyncGenerator<Buffer> {
    const until = Date.now() + lockedFor;
    for (;;) {
      const running = this.#start(call);
      let [isRead, isBegun] = [false, false];
      try {
        // A pipe that broke would kill it with its lock still there.
        for await (const chunk of running.stdout.iterator({ destroyOnReturn: false })) {
          isBegun = true;
          yield chunk as Buffer;
        }
        isRead = true;
      } finally {
        // At its end it still lets its lock go.
        if (!isRead) running.interrupt();
        running.stdout.resume();
        await running.ended;
      }
      const end = { ...(await running.ended), lines: [] };
      this.#ports.stopping.throwIfAborted();
      if (isBegun || !isLocked(end) || Date.now() > until) return void demand(end, call.args[0] ?? '');
      await this.#pause();
    }
  }

  /** Snapshots of a backup, the oldest first: more than one only when an agent died at the wrong moment. */
  async snapshotsOf(backupId: string): Promise<Snapshot[]> {
    const args = ['snapshots', '--json', '--tag', backupSnapshotTag(backupId)];
    const end = demand(await this.#unlessLocked({ args }), 'snapshots');
    return Snapshots.parse(answerOf(end)).toSorted((a, b) => a.time.localeCompare(b.time));
  }

  /** Backs the directory up, once for a backup. */
  async backup(subject: Subject): Promise<FilesReport> {
    const [made] = await this.snapshotsOf(subject.backupId); // guard: archive-once off: const made = undefined as Snapshot | undefined;
    if (made !== undefined) return this.#report(made);
    const end = await this.#unlessLocked({
      args: backupArgs(subject, new Date()),
      shown: { ...subject, how: 'ro' },
      keep: isSummary,
    });
    if (end.code !== incomplete) demand(end, 'backup');
    const [snapshot] = await this.snapshotsOf(subject.backupId);
    if (snapshot === undefined) throw failed('backup', end);
    const summary = Summary.parse(JSON.parse(end.lines.at(-1) ?? '{}'));
    return {
      ...at(snapshot),
      files: summary.total_files_processed,
      sizeBytes: summary.total_bytes_processed,
      addedBytes: summary.data_added_packed ?? summary.data_added,
      notes: backupNotes(end.words, subject.path),
    };
  }

  /** Restores into an empty directory, and reads what it wrote once more. @returns what could not be kept, in words */
  async restore(snapshotId: string, shown: Omit<Shown, 'how'>): Promise<string[]> {
    const target = '/out';
    const end = await this.#unlessLocked({
      args: ['restore', '--verify', '--target', target, ...(await this.#sparse()), snapshotId],
      shown: { directory: shown.directory, path: `${target}${shown.path}`, how: 'rw' },
    });
    if (end.code === 0) return [];
    const words = `${end.words}\n${end.lines.join('\n')}`;
    const warnings = restoreWarnings(words, shown.path, await this.#devices(snapshotId));
    if (warnings === undefined) throw failed('restore', end);
    return warnings;
  }

  /**
   * {@link restore} of a backup's own snapshot, and of no other.
   * @throws ProductError StorageFailed where the snapshot does not carry the backup's tag
   */
  async restoreOwn(
    { backupId, snapshotId }: { readonly backupId: string; readonly snapshotId: string },
    shown: Omit<Shown, 'how'>,
  ): Promise<string[]> {
    const own = await this.snapshotsOf(backupId);
    if (own.some(({ id }) => id === snapshotId)) return this.restore(snapshotId, shown); // guard: drill-own-archive off: return this.restore(snapshotId, shown);
    const tag = backupSnapshotTag(backupId);
    throw new ProductError('StorageFailed', `The repository has no snapshot ${snapshotId} with tag ${tag}.`, {
      value: snapshotId,
      allowed: own.map(({ id }) => id).join(', ') || 'none: it was removed',
      hint: 'Make a new backup: this one cannot be restored.',
    });
  }

  /** Paths of the devices in a snapshot. */
  async #devices(snapshotId: string): Promise<ReadonlySet<string>> {
    const keep = (line: string): boolean => /"type":"(char)?dev"/.test(line);
    const end = await this.#run({ args: ['ls', '--json', snapshotId], keep });
    return new Set(demand(end, 'ls').lines.map((line) => Node.parse(JSON.parse(line)).path));
  }

  /**
   * Whether what the repository says of itself is whole: its index, and the trees of all snapshots. It takes no lock, so that
   * backups go on meanwhile; what seems to be wrong, as a removal was under way, is looked at once more after that.
   */
  async check(): Promise<{ clean: boolean; output: string }> {
    const call = { args: ['check', '--no-lock'] };
    try {
      const first = await this.#run(call);
      if (first.code !== 0) demand(await this.#unlessLocked({ args: ['snapshots'] }), 'snapshots');
      const { code, lines, words } = first.code === 0 ? first : await this.#run(call);
      return { clean: code === 0, output: `${lines.join('\n')}\n${words}`.trim() };
    } finally {
      await clearCheckCaches(this.#ports.places.cache);
    }
  }

  /** Removes a backup's snapshots and what nothing needs after them. The same again finds nothing. */
  async forget(backupId: string, recorded: string | undefined): Promise<void> {
    const ids = new Set((await this.snapshotsOf(backupId)).map(({ id }) => id));
    const known = recorded !== undefined && (await this.#has(recorded));
    if (known) ids.add(recorded);
    const args = ids.size === 0 ? ['prune'] : ['forget', '--prune', ...ids];
    demand(await this.#unlessLocked({ args }), 'forget');
  }

  /**
   * Without a snapshot, removes what a prune leaves. Its password is about to go, and under the next one nothing of it could
   * be opened. The keys go after the config: without that there is no repository, and keys that are left open nothing.
   */
  async clear(): Promise<void> {
    if ((await this.#all()).length > 0) return;
    const [packs, indexes, keys] = [
      await this.#ids('packs'),
      await this.#ids('index'),
      await this.#ids('keys'),
    ];
    for (const id of packs) await removeObject(await this.#object(`data/${id.slice(0, 2)}/${id}`));
    for (const id of indexes) await removeObject(await this.#object(`index/${id}`));
    const config = await this.#object('config');
    // A host that comes to it late leaves what another one has begun meanwhile.
    if ((await this.#all()).length > 0) return;
    await removeObject(config);
    for (const id of keys) await removeObject(await this.#object(`keys/${id}`));
  }

  async #ids(kind: 'packs' | 'index' | 'keys'): Promise<string[]> {
    const { lines } = demand(await this.#run({ args: ['list', kind] }), 'list');
    return lines.filter((line) => /^[0-9a-f]{64}$/.test(line));
  }

  async #has(id: string): Promise<boolean> {
    return (await this.#all()).some((one) => one.id === id);
  }

  async #all(): Promise<Snapshot[]> {
    const end = demand(await this.#run({ args: ['snapshots', '--json'] }), 'snapshots');
    return Snapshots.parse(answerOf(end));
  }

  /** Of a snapshot that an agent made and could not report. */
  async #report(snapshot: Snapshot): Promise<FilesReport> {
    let files = 0;
    const keep = (line: string): boolean => {
      if (line.includes('"type":"file"')) files += 1;
      return false;
    };
    demand(await this.#run({ args: ['ls', '--json', snapshot.id], keep }), 'ls');
    const stats = await this.#run({ args: ['stats', '--json', '--mode', 'restore-size', snapshot.id] });
    const { total_size: sizeBytes } = Stats.parse(answerOf(demand(stats, 'stats')));
    return { ...at(snapshot), files, sizeBytes, notes: [] };
  }

  /** Holes are made again by restic 0.15 and later. */
  async #sparse(): Promise<string[]> {
    const { lines } = await this.#run({ args: ['restore', '--help'] });
    return lines.some((line) => line.includes('--sparse')) ? ['--sparse'] : [];
  }

  /** Waits while somebody else has the repository. Of locks only those of dead processes are removed. */
  async #unlessLocked(call: Pick<ResticLines, 'args' | 'shown' | 'keep'>): Promise<ResticEnd> {
    const until = Date.now() + lockedFor;
    for (;;) {
      const end = await this.#run(call);
      if (!isLocked(end) || Date.now() > until) return end;
      await this.#pause();
    }
  }

  async #pause(): Promise<void> {
    const { stopping, lockedPauseMs = 15_000 } = this.#ports;
    await delay(lockedPauseMs, undefined, { signal: stopping });
    await this.unlock();
  }

  /** Quiet: among what it writes are no words of its own. */
  #start({ args, last }: Pick<ResticCall, 'args' | 'last'>): RunningRestic {
    const { session, places, stopping } = this.#ports;
    stopping.throwIfAborted();
    return startRestic(places, {
      args: ['--repo', session.url, '--cleanup-cache', '--quiet', ...args],
      password: session.password(),
      environment: session.environment,
      signal: stopping,
      ...(last === undefined ? {} : { last }),
    });
  }

  async #run(
    call: Pick<ResticLines, 'args' | 'shown' | 'keep'>,
    url = this.#ports.session.url,
  ): Promise<ResticEnd> {
    const { session, places, stopping } = this.#ports;
    stopping.throwIfAborted();
    const end = await runRestic(places, {
      ...call,
      args: ['--repo', url, '--cleanup-cache', ...call.args],
      password: session.password(),
      environment: session.environment,
      signal: stopping,
    });
    stopping.throwIfAborted();
    return end;
  }
}

/** The one line of JSON among what a command says. */
function answerOf({ lines }: ResticEnd): unknown {
  return JSON.parse(lines.find((line) => /^[[{]/.test(line)) ?? 'null');
}

/** Of later versions by exit code, of earlier ones by their words. */
const isMissing = ({ code, words }: ResticEnd): boolean =>
  code === 10 || (code === 1 && words.includes('Is there a repository at the following location?'));
const isLocked = ({ code, words }: ResticEnd): boolean =>
  code === 11 || (code === 1 && words.includes('already locked'));

function at({ id, time }: Snapshot): Pick<FilesReport, 'snapshotId' | 'at'> {
  return { snapshotId: id, at: new Date(time).toISOString() };
}

function gone(what: string, snapshotId: string): ProductError {
  return new ProductError('BackupNotFound', `${what}.`, { value: snapshotId });
}

/** @throws ProductError CommandFailed with restic's own words */
function demand(end: ResticEnd, command: string): ResticEnd {
  if (end.code === 0) return end;
  throw failed(command, end);
}

function failed(command: string, end: ResticEnd): ProductError {
  const { code: exit, words } = end;
  const how = exit === undefined ? 'was killed' : `failed with exit code ${exit}`;
  const code = isLocked(end) ? 'Unavailable' : 'CommandFailed';
  return new ProductError(code, `restic ${command} ${how}: ${words.slice(-1500)}`, {
    about: { command: 'restic', code: String(exit ?? -1) },
  });
}
