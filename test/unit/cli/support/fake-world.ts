import type { Api } from '#cli/api/api.ts';
import { run } from '#cli/run.ts';
import { plainProgress } from '#cli/terminal/plain-progress.ts';
import type { World } from '#cli/world.ts';
import type { RouteName } from '#shared/model/routes.ts';
import { ProductError } from '#shared/model/errors.ts';

/** What the fake API answers, by route; each call is recorded. */
export type Answers = Readonly<Partial<Record<RouteName, (call: Call) => unknown>>>;

export interface Call {
  readonly name: RouteName;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly calls: readonly Call[];
  /** Questions that were asked. */
  readonly asked: readonly string[];
  /** Milliseconds that passed in the world. */
  readonly took: number;
}

interface Circumstances {
  readonly answers?: Answers;
  readonly env?: Readonly<Record<string, string>>;
  /** What the person answers; undefined: there is nobody to ask. */
  readonly person?: boolean;
}

const connected = { HIVEMIND_ENDPOINT: 'http://api.test', HIVEMIND_REGION: 'us-east-1' };

/** A status with its body, where it is not 200. */
export const answer = (
  status: number,
  body: unknown,
): { readonly $status: number; readonly body: unknown } => ({
  $status: status,
  body,
});

/** Runs a command line in a world of its own: time passes only when somebody sleeps. */
export async function runCli(args: readonly string[], circumstances: Circumstances = {}): Promise<Ran> {
  const { answers = {}, env = connected, person } = circumstances;
  const record = {
    out: [] as string[],
    err: [] as string[],
    calls: [] as Call[],
    asked: [] as string[],
    now: 0,
  };
  const err = (text: string): void => void record.err.push(text);
  const world: World = {
    env,
    terminal: {
      out: (text) => void record.out.push(text),
      err,
      asks: person !== undefined,
      confirm: (question) => {
        record.asked.push(question);
        return Promise.resolve(person === true);
      },
      progress: (title) => plainProgress(title, err),
    },
    connect: () => Promise.resolve(fakeApi(answers, record.calls)),
    sleep: (milliseconds) => {
      record.now += milliseconds;
      return Promise.resolve();
    },
    interrupted: () => Promise.resolve(),
    now: () => record.now,
  };
  const code = await run(args, world);
  const { calls, asked, now } = record;
  return { code, out: record.out.join('\n'), err: record.err.join('\n'), calls, asked, took: now };
}

function fakeApi(answers: Answers, calls: Call[]): Api {
  const call = (name: RouteName, parts: Omit<Call, 'name'> = {}): Promise<unknown> => {
    const made = { name, ...parts };
    calls.push(made);
    const handler = answers[name];
    if (handler === undefined) return Promise.reject(new ProductError('RouteNotFound', `No ${name} here.`));
    return Promise.resolve()
      .then(() => handler(made))
      .then((given) =>
        typeof given === 'object' && given !== null && '$status' in given && 'body' in given
          ? { status: given.$status, body: given.body }
          : { status: 200, body: given },
      );
  };
  return { call } as unknown as Api;
}
