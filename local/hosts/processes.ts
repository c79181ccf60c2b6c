import { readdirSync, readFileSync } from 'node:fs';
import { waitFor } from './exec.ts';

/** A process that cannot be mistaken for a later one with the same pid: start time is in clock ticks since boot. */
export interface ProcessRef {
  readonly pid: number;
  readonly startTime: string;
}

interface Stat {
  readonly state: string;
  readonly parent: number;
  readonly startTime: string;
}

function stat(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name is in parentheses and may hold anything, parentheses and spaces too.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', parent: Number(fields[1]), startTime: fields[19] ?? '' };
  } catch {
    return undefined;
  }
}

/** The process as it is now, or undefined when there is none with that pid. */
export function processRef(pid: number): ProcessRef | undefined {
  const found = stat(pid);
  return found && { pid, startTime: found.startTime };
}

/** Whether that very process still runs; a zombie does not. */
export function isAlive(ref: ProcessRef | undefined): ref is ProcessRef {
  const found = ref && stat(ref.pid);
  return found !== undefined && found.startTime === ref?.startTime && found.state !== 'Z';
}

/** The children of a process, read from /proc: `unshare` and `nsenter` fork, and the child is who matters. */
export function childrenOf(pid: number): ProcessRef[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), stat: stat(Number(name)) }))
    .flatMap((entry) =>
      entry.stat?.parent === pid ? [{ pid: entry.pid, startTime: entry.stat.startTime }] : [],
    );
}

/** Waits for the one child that `unshare` or `nsenter` forks. @throws HostError `TimedOut`. */
export function onlyChild(pid: number, what: string): Promise<ProcessRef> {
  return waitFor(`${what} starts`, () => childrenOf(pid)[0], { within: 10_000, every: 5 });
}

/** Sends a signal unless the process is gone already (or is another one by now). */
export function signal(ref: ProcessRef | undefined, name: NodeJS.Signals): void {
  if (!isAlive(ref)) return;
  try {
    process.kill(ref.pid, name);
  } catch {
    // It ended between the look and the signal: that is what was wanted.
  }
}

/** SIGKILL, and waits for the end; a process that is gone already is fine. */
export async function kill(ref: ProcessRef | undefined): Promise<void> {
  if (!ref) return;
  signal(ref, 'SIGKILL');
  await waitFor(`process ${ref.pid} ends`, () => !isAlive(ref), { within: 60_000, every: 5 });
}
