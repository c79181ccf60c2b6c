import { appendFileSync } from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import type { ImportSource } from '#shared/model/archive-transfer.ts';
import type { FillTask, ImportTask } from '#shared/model/task.ts';
import { systemExec, type Exec } from '#agent/host/exec.ts';
import { systemMounts } from '#agent/host/mounts.ts';
import { kernelUsers } from '#agent/host/users.ts';
import { silentLog } from '#agent/log.ts';
import { createRunner } from '#agent/reconcile/runner.ts';
import { fillVolume, type ArchivePorts } from '#agent/tasks/archive.ts';
import { importVolume, type ImportPorts } from '#agent/tasks/transfer.ts';

/**
 * A process that restores files in the place of others, as an agent does, and is killed (SIGKILL) right before its effect of a
 * number: a call that changes a directory, a command, or its report.
 * Argument: JSON of {@link Mortal}. Says the result on its standard output.
 */
interface Mortal {
  readonly target: string;
  /** ROOT/restic; the repository is in its cache. */
  readonly resticFolder: string;
  readonly task: FillTask | ImportTask;
  /** Of an import. */
  readonly source?: ImportSource;
  readonly killAt: number;
  /** Each effect gets a line in this file before it takes place. */
  readonly trace: string;
  readonly password: string;
}

const mortal = JSON.parse(process.argv[2] ?? '') as Mortal;
let effects = 0;

function about(what: string): void {
  if (++effects === mortal.killAt) process.kill(process.pid, 'SIGKILL');
  appendFileSync(mortal.trace, `${what}\n`);
}

const changing = ['rename', 'mkdir', 'rm', 'writeFile', 'chown', 'chmod'] as const;
const patched = promises as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
for (const name of changing) {
  const real = patched[name]?.bind(promises);
  patched[name] = (...args) => {
    about(`${name} ${String(args[0])}`);
    return real?.(...args) ?? Promise.resolve();
  };
}
syncBuiltinESMExports();

const real = systemExec(silentLog);
const exec: Exec = {
  ...real,
  run: (file, args, options) => {
    about(`${file} ${args.join(' ')}`);
    return real.run(file, args, options);
  },
};
const { volumeId, name } = mortal.task;
const ports = {
  api: {
    release: () => Promise.resolve(),
    grantRepository: () =>
      Promise.resolve({
        url: '/cache/repositories/vol',
        region: 'us-east-1',
        password: mortal.password,
        credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      }),
    importSource: () => Promise.resolve(mortal.source),
    reportTask: () => {
      about('report');
      return Promise.resolve();
    },
  },
  engine: {
    serve: () => Promise.resolve(mortal.target),
    retire: () => Promise.resolve(),
    volumes: () => [{ volumeId, name, epoch: 1 }],
    observe: () => Promise.resolve([]),
  },
  holds: { add: () => undefined, release: () => undefined, isHeld: () => false },
  stopping: new AbortController().signal,
  log: silentLog,
  exec,
  resticFolder: mortal.resticFolder,
  mounts: systemMounts(real),
  users: kernelUsers(),
  containers: { containers: () => Promise.resolve([]) },
  runner: createRunner(),
  // A container of anybody on this machine has every mount for the moment in which it starts.
  aloneWithinMs: 20_000,
} as unknown as ArchivePorts & ImportPorts;
const { task } = mortal;
const result = await (task.kind === 'fill' ? fillVolume(ports, task) : importVolume(ports, task));
process.stdout.write(JSON.stringify(result));
process.exit(0);
