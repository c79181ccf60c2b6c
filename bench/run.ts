import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { down, reset } from '#local/cloud/down.ts';
import { baseTools, benchTools, dockerTools, ensurePrerequisites } from '#local/cloud/prerequisites.ts';
import { progressOn } from '#local/cloud/progress.ts';
import { checkout } from '#local/cloud/runtime.ts';
import { up } from '#local/cloud/up.ts';
import { addHost } from '#local/hosts/hosts.ts';
import { findMachine, type Machine } from '#local/hosts/machine.ts';
import { processRef } from '#local/hosts/processes.ts';
import { idleAgent, type IdleAgent } from './agent.ts';
import { apiLatency, apiOf, listPages } from './api.ts';
import { backupParts, backupWork } from './backups.ts';
import { full, quick, type Scale } from './backups/scale.ts';
import { helpTime } from './cli.ts';
import { ddComparison, dockerRun, onHost } from './containers.ts';
import { functionBundles } from './functions.ts';
import { volumeIo } from './io.ts';
import { milliseconds, renderComparisons, type Comparison } from './measure.ts';

/*
 * `npm run bench`: every figure is a ratio of two things measured in turn in this one run, in a private local cloud.
 * Writes the tables into docs/benchmarks.md between its markers; parts named on the command line are only shown.
 */

const progress = progressOn(process.stdout);
const document = join(checkout, 'docs', 'benchmarks.md');

function agentPid(machine: Machine): number {
  const text = readFileSync(
    `/proc/${machine.record.init?.pid ?? 0}/task/${machine.record.init?.pid ?? 0}/children`,
    'utf8',
  );
  const pids = text.trim().split(' ').map(Number);
  const found = pids.find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('agent.mjs'));
  return processRef(found ?? 0)?.pid ?? 0;
}

/** What can be measured alone: `npm run bench -- help lists` shows these two and writes no document. */
const parts = ['help', 'bundles', 'api', 'idle', 'docker', 'dd', 'fio', ...backupParts, 'lists'] as const;
type Part = (typeof parts)[number];

interface Figures {
  readonly rows: readonly Comparison[];
  readonly starts: readonly [number, number];
  readonly idle: IdleAgent | undefined;
}

async function measure(home: string, wanted: ReadonlySet<Part>, scale: Scale): Promise<Figures> {
  const start = (): Promise<unknown> => up({ home, port: 0, yes: true, docker: true, apart: true, progress });
  const first = await milliseconds(start);
  await down({ home, progress });
  const second = await milliseconds(start);
  const cloud = await up({ home, port: 0, yes: true, docker: true, apart: true, progress });
  await addHost(cloud, 'bench');
  const machine = findMachine(cloud, 'bench');
  const host = onHost(machine);
  const rows: Comparison[] = [];
  let idle: IdleAgent | undefined;
  const work: Readonly<Record<Part, () => Promise<Comparison | Comparison[]>>> = {
    help: () => helpTime(home),
    bundles: () => functionBundles(home),
    api: () => apiLatency(cloud),
    idle: async () => {
      const { instanceId } = machine.record;
      idle = await idleAgent(cloud, { instanceId, pid: agentPid(machine) });
      return [];
    },
    docker: () => dockerRun(host),
    dd: () => ddComparison(host, machine.paths.dir),
    fio: () => volumeIo({ host, api: apiOf(cloud), instanceId: machine.record.instanceId }),
    ...backupWork(home, machine, scale),
    lists: () => listPages(cloud),
  };
  for (const part of parts.filter((one) => wanted.has(one))) {
    const measured = [await progress.step(part, work[part])].flat();
    // A run that is cut short has shown what it had.
    if (measured.length > 0) process.stdout.write(`${renderComparisons(measured)}\n`);
    rows.push(...measured);
  }
  return { rows, starts: [first, second], idle };
}

function render({ rows, starts: [first, second], idle }: Figures): string {
  return [
    `Measured ${new Date().toISOString().slice(0, 10)} on ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), Node ${process.version}.`,
    '',
    renderComparisons(rows),
    '',
    `Start of the local cloud, packages installed: first ${(first / 1000).toFixed(1)} s, second ${(second / 1000).toFixed(1)} s.`,
    ...(idle === undefined ? [] : ['', renderIdle(idle)]),
  ].join('\n');
}

function renderIdle({ callsPerHour, seconds, cpuPercent, residentMiB }: IdleAgent): string {
  const calls = Object.entries(callsPerHour).map(([name, count]) => `${name} ${count}`);
  return `Idle agent over ${seconds} s: ${cpuPercent.toFixed(2)} % of one core, ${residentMiB.toFixed(0)} MiB resident, calls an hour: ${calls.join(', ') || 'none'}.`;
}

function publish(text: string): void {
  if (!existsSync(document)) return;
  const [begin, end] = ['<!-- figures -->', '<!-- end of figures -->'];
  const page = readFileSync(document, 'utf8');
  writeFileSync(
    document,
    `${page.slice(0, page.indexOf(begin) + begin.length)}\n${text}\n${page.slice(page.indexOf(end))}`,
  );
}

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, runs: { type: 'string' } },
});
const whole = flags.quick ? quick : full;
const { runs = String(whole.runs) } = flags;
const scale = flags.runs === undefined ? whole : { ...whole, runs: Number(runs) };
const words = positionals.flatMap((word): readonly string[] => (word === 'backups' ? backupParts : [word]));
const asked = /^[1-9]\d?$/.test(runs) ? words : [...words, `--runs ${runs}`];
const unknown = asked.filter((one) => !parts.some((part) => part === one));
if (unknown.length > 0) {
  process.stderr.write(
    `bench: "${unknown.join(' ')}" is none of ${parts.join(', ')}, backups, --quick, --runs N\n`,
  );
  process.exit(2);
}
await ensurePrerequisites({
  tools: [...baseTools, ...dockerTools, ...benchTools],
  progress,
});
const home = mkdtempSync(join('/var/tmp', 'hivemind-bench-'));
try {
  const wanted = asked.length === 0 ? parts : parts.filter((part) => asked.includes(part));
  const text = render(await measure(home, new Set(wanted), scale));
  process.stdout.write(`\n${text}\n`);
  if (wanted.length === parts.length && scale === full) publish(text);
} finally {
  await reset({ home, progress });
  rmSync(home, { recursive: true, force: true });
}
