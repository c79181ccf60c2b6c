import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CloudFile } from '#local/cloud/cloud-file.ts';
import { callSocket } from '#local/cloud/http.ts';

/** What an idle agent costs: measured over a window, per hour where it is a rate. */
export interface IdleAgent {
  readonly seconds: number;
  readonly cpuPercent: number;
  readonly residentMiB: number;
  readonly callsPerHour: Readonly<Record<string, number>>;
}

const ticksPerSecond = 100;

function cpuSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

interface EdgeCall {
  readonly seq: number;
  readonly service: string;
  readonly action: string;
  readonly principalArn?: string;
}

async function callsOf(cloud: CloudFile, instanceId: string, since: number): Promise<EdgeCall[]> {
  const { body } = await callSocket(join(cloud.home, cloud.sockets.edgeAdmin), {
    path: `/calls?since=${since}`,
  });
  const parsed = JSON.parse(body) as EdgeCall[] | { calls: EdgeCall[] };
  return (Array.isArray(parsed) ? parsed : parsed.calls).filter(({ principalArn }) =>
    principalArn?.endsWith(instanceId),
  );
}

/** Watches one host's agent do nothing. */
export async function idleAgent(
  cloud: CloudFile,
  { instanceId, pid }: { instanceId: string; pid: number },
  seconds = 120,
): Promise<IdleAgent> {
  const before = await callsOf(cloud, instanceId, 0);
  const cpu = cpuSeconds(pid);
  await delay(seconds * 1000);
  const calls = await callsOf(cloud, instanceId, before.at(-1)?.seq ?? 0);
  const counts: Record<string, number> = {};
  for (const { service, action } of calls)
    counts[`${service} ${action}`] = (counts[`${service} ${action}`] ?? 0) + 1;
  const resident = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return {
    seconds,
    cpuPercent: ((cpuSeconds(pid) - cpu) / seconds) * 100,
    residentMiB: Number(resident?.[1] ?? NaN) / 1024,
    callsPerHour: Object.fromEntries(
      Object.entries(counts).map(([name, count]) => [name, Math.round((count * 3600) / seconds)]),
    ),
  };
}
