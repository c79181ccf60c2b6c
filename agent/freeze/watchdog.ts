import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { ProductError } from '#shared/model/errors.ts';
import { watchdogProgram } from './watchdog-program.ts';

/** How a freeze ended. */
export interface Thaw {
  /**
   * `agent`: it was told to thaw, and the filesystem was frozen until then. `deadline`: it thawed by itself. `other`: somebody
   * else had thawed before. `stopped`: it was asked to end, and thawed first. `never`: it was not begun, or refused. `killed`: it may
   * have left the filesystem frozen.
   */
  readonly by: 'agent' | 'deadline' | 'other' | 'stopped' | 'never' | 'killed';
  /** From the call that freezes to the end of the one that thaws, by the monotonic clock; unknown for `never` and `killed`. */
  readonly frozenMs?: number;
}

/** A process of its own that freezes a filesystem, and thaws it at a deadline, on request, or when the agent dies. */
export interface Watchdog {
  /**
   * Writes `.hivemind/mark` with this value and syncs it.
   * @returns `marked`, or the errno's name (ENOSPC, EROFS, …). @throws VolumeBusy when it takes no writes; then the watchdog is ended.
   */
  mark(value: string): Promise<string>;
  /** @throws VolumeBusy when it is frozen already; CommandFailed when the kernel refuses otherwise. */
  freeze(): Promise<void>;
  /** Tells it to thaw, or to end when nothing was frozen, and waits for its end. May be repeated. */
  thaw(): Promise<Thaw>;
  /** Resolves when the process has ended, for whatever reason; never rejects. */
  readonly ended: Promise<Thaw>;
}

export interface Watched {
  /** Open descriptor of the mountpoint; the process gets its own copy of it. */
  readonly descriptor: number;
  /** Longest freeze, in milliseconds. */
  readonly deadlineMs: number;
  /** How long the mark may take to be written, in milliseconds. */
  readonly markMs: number;
}

/** Resolves when the watchdog is ready. @throws CommandFailed when it does not start. */
export type StartWatchdog = (watched: Watched) => Promise<Watchdog>;

const python = '/usr/bin/python3';
const readyMs = 10_000;

/** A session of its own: nothing that ends the agent ends it too, and the end of its input tells it of the agent's. */
export const startWatchdog: StartWatchdog = async ({ descriptor, deadlineMs, markMs }) => {
  const child = spawn(python, ['-I', '-S', '-c', watchdogProgram, String(deadlineMs)], {
    stdio: ['pipe', 'pipe', 'ignore', descriptor],
    detached: true,
    cwd: '/',
    env: {},
  });
  const words = listen(child);
  let isAsked = false;
  const ended = words.closed.then((): Thaw => (isAsked ? thawOf(words.last()) : { by: 'never' }));
  // A word to one that has just ended is lost, and its end is seen.
  child.stdin?.on('error', () => undefined);
  const first = await orKill(child, readyMs, words.next());
  if (first !== 'ready') throw failed(`did not start: ${words.failure() ?? 'it ended'}`);
  return {
    ended,
    mark: (value) => mark(child, words, { value, markMs }),
    async freeze() {
      isAsked = true;
      child.stdin?.write('freeze\n');
      const answer = await words.next();
      if (answer !== 'frozen') throw refused(answer);
    },
    async thaw() {
      child.stdin?.end('thaw\n');
      return ended;
    },
  };
};

/** The answer; undefined when it did not come in time, and then the process is killed (which waits for a thaw as the rest does). */
async function orKill<T>(child: ChildProcess, ms: number, answer: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => {
      child.kill('SIGKILL');
      resolve(undefined);
    }, ms);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

async function mark(
  child: ChildProcess,
  words: Words,
  { value, markMs }: { value: string; markMs: number },
): Promise<string> {
  child.stdin?.write(`mark ${value}\n`);
  const answer = await orKill(child, markMs, words.next());
  if (answer !== undefined) return answer.replace('unmarked ', '');
  throw new ProductError('VolumeBusy', `The volume took no write for ${markMs / 1000} s.`, {
    hint: 'It may be frozen already, by another backup or by hand ("fsfreeze --unfreeze" ends that). Try again.',
  });
}

interface Words {
  /** The next line it says; undefined when it has ended. */
  next(): Promise<string | undefined>;
  last(): string;
  failure(): string | undefined;
  readonly closed: Promise<void>;
}

function listen(child: ChildProcess): Words {
  const said: string[] = [];
  let read = 0;
  let failure: string | undefined;
  let isClosed = false;
  let wake: () => void = () => undefined;
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      said.push(line);
      wake();
    });
  }
  child.on('error', (error) => (failure = error.message));
  const closed = new Promise<void>((resolve) => {
    child.once('close', (code, signal) => {
      failure ??= `exit ${code ?? signal}`;
      isClosed = true;
      wake();
      resolve();
    });
  });
  return {
    closed,
    last: () => said.at(-1) ?? '',
    failure: () => failure,
    async next() {
      while (read === said.length && !isClosed) await new Promise<void>((resolve) => (wake = resolve));
      return said[read++];
    },
  };
}

function thawOf(line: string): Thaw {
  const [, by, ms] = /^thawed (agent|deadline|other|stopped) ([\d.]+)$/.exec(line) ?? [];
  if (by !== undefined) return { by: by as Thaw['by'], frozenMs: Number(ms) };
  return { by: line.startsWith('refused ') ? 'never' : 'killed' };
}

function refused(answer: string | undefined): ProductError {
  if (answer !== 'refused EBUSY') return failed(`did not freeze: ${answer ?? 'it ended'}.`);
  return new ProductError('VolumeBusy', 'The filesystem is frozen already, by somebody else.', {
    hint: 'Another backup of this volume may be under way: try again. "fsfreeze --unfreeze" ends a freeze that nobody needs.',
  });
}

function failed(what: string): ProductError {
  return new ProductError('CommandFailed', `The watchdog of the freeze (${python}) ${what}`, {
    about: { command: python },
    hint: 'Nothing is frozen.',
  });
}
