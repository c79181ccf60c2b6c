import { isProductError, ProductError } from '#shared/model/errors.ts';
import type { ContainerCommand, DockerCommands } from '#agent/host/docker-exec.ts';
import { stripSecrets, type Log } from '#agent/log.ts';

/** A command in a container around a backup. */
export interface Hook {
  /** Name or id. */
  readonly container: string;
  /** Program and arguments; no shell unless it is named. */
  readonly command: readonly string[];
  /** User inside the container; default: the container's own. */
  readonly user?: string;
  /** In milliseconds; 30,000 unless said otherwise. Then the command is killed, which counts as its failure. */
  readonly timeoutMs?: number;
  /** What its failure means: none of the backup (`fail`, the default), or a line in the report. */
  readonly onError?: 'fail' | 'continue';
}

export interface Hooks {
  readonly before?: Hook;
  /** Runs whenever `before` has begun, whatever came of it and of the work. */
  readonly after?: Hook;
}

export interface HookReport {
  readonly when: 'before' | 'after';
  readonly container: string;
  readonly ok: boolean;
  /** Exit code; none when it did not end by itself. */
  readonly code?: number;
  readonly ms: number;
  /** The end of what it wrote, at most 4 KiB, without what looks like a secret. */
  readonly output: string;
  /** Why it failed, for people. */
  readonly error?: string;
}

export interface HookPorts {
  readonly docker: Pick<DockerCommands, 'run'>;
  readonly log: Log;
}

export interface Hooked<T> {
  readonly result: T;
  readonly hooks: readonly HookReport[];
}

const defaultTimeoutMs = 30_000;

/**
 * Runs `work` between two commands.
 * @throws CommandFailed or TimedOut of a hook that failed under the policy `fail`: of `before`, and then the work is not begun;
 * of `after`, and then the work's result is lost. What `work` throws goes before what `after` says.
 */
export async function withHooks<T>(
  ports: HookPorts,
  { before, after }: Hooks,
  work: () => Promise<T>,
): Promise<Hooked<T>> {
  const hooks: HookReport[] = [];
  let result: T;
  try {
    if (before !== undefined) hooks.push(await runHook(ports, 'before', before));
    result = await work();
  } catch (error) {
    // Its own failure is in the log; what came first is what the caller has to know.
    if (after !== undefined) await runHook(ports, 'after', { ...after, onError: 'continue' });
    throw error;
  }
  if (after !== undefined) hooks.push(await runHook(ports, 'after', after));
  return { result, hooks };
}

async function runHook(ports: HookPorts, when: HookReport['when'], hook: Hook): Promise<HookReport> {
  const { container, onError = 'fail' } = hook;
  const started = performance.now();
  const { failure, ...outcome } = await attempt(ports, commandOf(hook));
  const ms = Math.round(performance.now() - started);
  const error = failure === undefined ? {} : { error: String(stripSecrets(failure.message)) };
  const report = { when, container, ok: failure === undefined, ms, ...outcome, ...error };
  // The program alone: arguments carry passwords.
  ports.log[report.ok ? 'info' : 'warn']('hook', { ...report, program: hook.command[0], onError });
  if (failure !== undefined && onError === 'fail') throw hookFailed(report, failure);
  return report;
}

function commandOf({ container, command, user, timeoutMs = defaultTimeoutMs }: Hook): ContainerCommand {
  return { container, command, timeoutMs, ...(user === undefined ? {} : { user }) };
}

interface Attempt {
  readonly code?: number;
  readonly output: string;
  readonly failure?: Error;
}

async function attempt({ docker }: HookPorts, command: ContainerCommand): Promise<Attempt> {
  try {
    const { code, output: said } = await docker.run(command);
    const output = String(stripSecrets(said));
    if (code === 0) return { code, output };
    return { code, output, failure: new ProductError('CommandFailed', `It ended with exit code ${code}.`) };
  } catch (error) {
    return { output: '', failure: error instanceof Error ? error : new TypeError(String(error)) };
  }
}

function hookFailed({ when, container, error = '', output }: HookReport, cause: Error): ProductError {
  const code = isProductError(cause, 'TimedOut') ? 'TimedOut' : 'CommandFailed';
  const said = output === '' ? '' : ` It wrote: ${output}`;
  return new ProductError(
    code,
    `The hook ${when} the backup in container "${container}" failed. ${error}${said}`,
    {
      value: container,
      about: { hook: when },
      hint: 'Correct the command, or give the hook the policy "continue".',
      cause,
    },
  );
}
