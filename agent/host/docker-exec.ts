import { readFile } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import * as z from 'zod';
import { ProductError } from '#shared/model/errors.ts';
import { tailOf } from './output-tail.ts';

export interface ContainerCommand {
  /** Name or id. */
  readonly container: string;
  /** Program and arguments; no shell unless it is named. */
  readonly command: readonly string[];
  /** User inside the container, as `docker exec --user`; default: the container's own. */
  readonly user?: string;
  /** In milliseconds; then the command is killed. */
  readonly timeoutMs: number;
}

export interface ContainerResult {
  readonly code: number;
  /** The end of what it wrote, both streams in their order. */
  readonly output: string;
}

/** Docker, as far as commands in containers need it; over the engine's socket. */
export interface DockerCommands {
  /** @throws CommandFailed when the container is not there or does not run; TimedOut. */
  run(command: ContainerCommand): Promise<ContainerResult>;
  /** Docker's data root; undefined when it does not answer. */
  dataRoot(): Promise<string | undefined>;
}

const callMs = 5_000;
const maxAnswerBytes = 2 ** 20;

const Info = z.object({ DockerRootDir: z.string() });
const Made = z.object({ Id: z.string() });
const State = z.object({ ExitCode: z.number().nullable(), Pid: z.number(), ContainerID: z.string() });

export function dockerCommands(socketPath: string): DockerCommands {
  const engine = { socketPath };
  return {
    async dataRoot() {
      try {
        return Info.parse(await json(engine, { method: 'GET', path: '/info' })).DockerRootDir;
      } catch {
        return undefined;
      }
    },
    run: (command) => run(engine, command),
  };
}

interface Engine {
  readonly socketPath: string;
}

async function run(engine: Engine, wanted: ContainerCommand): Promise<ContainerResult> {
  const { container, command, user, timeoutMs } = wanted;
  const body = {
    AttachStdout: true,
    AttachStderr: true,
    Cmd: command,
    ...(user === undefined ? {} : { User: user }),
  };
  const path = `/containers/${encodeURIComponent(container)}/exec`;
  const { Id } = Made.parse(await json(engine, { method: 'POST', path, body }));
  const tail = tailOf();
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const start = { Detach: false, Tty: false };
    const answer = await call(engine, { method: 'POST', path: `/exec/${Id}/start`, body: start, signal });
    for await (const chunk of answer as AsyncIterable<Buffer>) tail.push(chunk);
    // An answer without a length that is broken off looks like one that has ended.
    signal.throwIfAborted();
  } catch (error) {
    await kill(engine, Id);
    if (!signal.aborted) throw error;
    throw tooLong(wanted, tail.text());
  }
  const { ExitCode } = State.parse(await json(engine, { method: 'GET', path: `/exec/${Id}/json` }));
  return { code: ExitCode ?? -1, output: tail.text() };
}

function tooLong({ container, timeoutMs }: ContainerCommand, output: string): ProductError {
  const said = output === '' ? '' : ` It had written: ${output}`;
  const text = `The command in container "${container}" did not end within ${timeoutMs / 1000} s.${said}`;
  return new ProductError('TimedOut', text, {
    value: container,
    hint: 'It was killed. Give it a longer time-out, or make it shorter.',
  });
}

/** Docker cannot end an exec. Its process can be, once the kernel says that it is that container's. */
async function kill(engine: Engine, id: string): Promise<void> {
  try {
    const { Pid, ContainerID } = State.parse(await json(engine, { method: 'GET', path: `/exec/${id}/json` }));
    const cgroup = await readFile(`/proc/${Pid}/cgroup`, 'utf8');
    // A session of its own, as runc starts it: what it started goes with it.
    if (Pid > 1 && cgroup.includes(ContainerID)) process.kill(-Pid, 'SIGKILL');
  } catch {
    // It has just ended, or Docker has.
  }
}

interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
  /** Ends the call; default: after 5 s. */
  readonly signal?: AbortSignal;
}

async function json(engine: Engine, wanted: Call): Promise<unknown> {
  return JSON.parse((await read(await call(engine, wanted))).toString('utf8'));
}

async function read(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) throw failed('its answer is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The answer's head; its body is the caller's to read, under the same signal. */
async function call({ socketPath }: Engine, wanted: Call): Promise<IncomingMessage> {
  const { method, path, body, signal = AbortSignal.timeout(callMs) } = wanted;
  const headers = { host: 'docker', ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request({ socketPath, method, path, headers, signal }, resolve);
    sent.on('error', (cause) => reject(failed(`it does not answer on ${socketPath}`, cause)));
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
  if ((answer.statusCode ?? 500) < 400) return answer;
  throw failed((await read(answer)).toString('utf8').trim());
}

function failed(words: string, cause?: Error): ProductError {
  const message = /"message":"(.*?)"\}?$/.exec(words)?.[1] ?? words;
  return new ProductError('CommandFailed', `Docker refuses to run the command: ${message}.`, {
    about: { command: 'docker exec' },
    hint: '"docker ps" lists the containers that run on the host.',
    ...(cause === undefined ? {} : { cause }),
  });
}
