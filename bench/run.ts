import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { down, reset } from '#local/cloud/down.ts';
import { baseTools, benchTools, dockerTools, ensurePrerequisites } from '#local/cloud/prerequisites.ts';
import { progressOn } from '#local/cloud/progress.ts';
import { checkout } from '#local/cloud/runtime.ts';
import { up } from '#local/cloud/up.ts';
import { addHost } from '#local/hosts/hosts.ts';
import { findMachine, type Machine } from '#local/hosts/machine.ts';
import { processRef } from '#local/hosts/processes.ts';
import { idleAgent, type IdleAgent } from './agent.ts';
import { apiLatency, listPages } from './api.ts';
import { helpTime } from './cli.ts';
import { ddComparison, dockerRun, onHost } from './containers.ts';
import { functionBundles } from './functions.ts';
import { volumeIo } from './io.ts';
import { milliseconds, renderComparisons, type Comparison } from './measure.ts';

/*
 * `npm run bench`: every figure is a ratio of two things measured in turn in this one run, in a private local cloud.
 * Writes the tables into docs/benchmarks.md between its markers.
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

async function measureAll(
  home: string,
): Promise<{ rows: Comparison[]; starts: [number, number]; idle: IdleAgent }> {
  const start = (): Promise<unknown> => up({ home, port: 0, yes: true, docker: true, apart: true, progress });
  const first = await milliseconds(start);
  await down({ home, progress });
  const second = await milliseconds(start);
  const cloud = await up({ home, port: 0, yes: true, docker: true, apart: true, progress });
  await addHost(cloud, 'bench');
  const machine = findMachine(cloud, 'bench');
  const host = onHost(machine);
  const rows: Comparison[] = [];
  const step = async (what: string, work: () => Promise<Comparison | Comparison[]>): Promise<void> =>
    void rows.push(...[await progress.step(what, work)].flat());
  await step('CLI help', () => helpTime(home));
  await step('function bundles', () => functionBundles(home));
  await step('API latency', () => apiLatency(cloud));
  const idle = await progress.step('idle agent', () =>
    idleAgent(cloud, { instanceId: machine.record.instanceId, pid: agentPid(machine) }),
  );
  await step('docker run', () => dockerRun(host));
  await step('dd in containers', () => ddComparison(host, machine.paths.dir));
  await step('fio', () => volumeIo(host, machine.paths.dir));
  await step('list pages', () => listPages(cloud));
  return { rows, starts: [first, second], idle };
}

function render({ rows, starts: [first, second], idle }: Awaited<ReturnType<typeof measureAll>>): string {
  const calls = Object.entries(idle.callsPerHour).map(([name, count]) => `${name} ${count}`);
  return [
    `Measured ${new Date().toISOString().slice(0, 10)} on ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), Node ${process.version}.`,
    '',
    renderComparisons(rows),
    '',
    `Start of the local cloud, packages installed: first ${(first / 1000).toFixed(1)} s, second ${(second / 1000).toFixed(1)} s.`,
    '',
    `Idle agent over ${idle.seconds} s: ${idle.cpuPercent.toFixed(2)} % of one core, ${idle.residentMiB.toFixed(0)} MiB resident, calls an hour: ${calls.join(', ') || 'none'}.`,
  ].join('\n');
}

function publish(text: string): void {
  process.stdout.write(`\n${text}\n`);
  if (!existsSync(document)) return;
  const [begin, end] = ['<!-- figures -->', '<!-- end of figures -->'];
  const page = readFileSync(document, 'utf8');
  writeFileSync(
    document,
    `${page.slice(0, page.indexOf(begin) + begin.length)}\n${text}\n${page.slice(page.indexOf(end))}`,
  );
}

await ensurePrerequisites({
  tools: [...baseTools, ...dockerTools, ...benchTools],
  yes: process.env['CI'] === 'true',
  progress,
});
const home = mkdtempSync(join('/var/tmp', 'hivemind-bench-'));
try {
  publish(render(await measureAll(home)));
} finally {
  await reset({ home, progress });
  rmSync(home, { recursive: true, force: true });
}
