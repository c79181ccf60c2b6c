import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { hostStatuses } from '#local/hosts/fleet.ts';
import { requireCloud } from './cloud-file.ts';
import { CloudError } from './errors.ts';
import { logPath, runningProcess } from './services.ts';

export interface Status {
  readonly home: string;
  readonly endpoints: { readonly aws: string; readonly api: string };
  readonly processes: readonly { readonly name: string; readonly pid?: number }[];
  readonly hosts: readonly { readonly name: string; readonly instanceId: string; readonly state: string }[];
}

/** What runs and where it is reached. @throws CloudError NotUp */
export async function status(home: string): Promise<Status> {
  const cloud = requireCloud(home);
  const names = [
    'storage',
    'emulator',
    'edge',
    ...(existsSync(join(home, 'hosts', 'local')) ? ['imds-local', 'agent-local'] : []),
  ];
  const hosts = await hostStatuses(cloud).catch(() => []);
  return {
    home,
    endpoints: { aws: `http://127.0.0.1:${cloud.ports.aws}`, api: `http://127.0.0.1:${cloud.ports.api}` },
    processes: names.map((name) => {
      const pid = runningProcess(home, name)?.pid;
      return pid === undefined ? { name } : { name, pid };
    }),
    hosts: hosts.map(({ name, instanceId, state }) => ({ name, instanceId, state })),
  };
}

export function isUp({ processes }: Status): boolean {
  return processes.every(({ pid }) => pid !== undefined);
}

export function renderStatus({ home, endpoints, processes, hosts }: Status): string {
  return [
    `home         ${home}`,
    `AWS          ${endpoints.aws}`,
    `API          ${endpoints.api}`,
    ...processes.map(
      ({ name, pid }) => `${name.padEnd(13)}${pid === undefined ? 'stopped' : `running (pid ${pid})`}`,
    ),
    ...hosts.map(({ name, instanceId, state }) => `host ${name.padEnd(8)}${state} (${instanceId})`),
    '',
  ].join('\n');
}

/** Shows the end of one log, or of all; follows it with `follow`. */
export function logs(home: string, names: readonly string[], follow: boolean): Promise<number> {
  const there = existsSync(join(home, 'logs'))
    ? readdirSync(join(home, 'logs')).map((file) => file.replace(/\.log$/, ''))
    : [];
  const unknown = names.find((name) => !there.includes(name));
  if (unknown !== undefined)
    throw new CloudError('Usage', `There is no log "${unknown}". Logs: ${there.join(', ') || 'none yet'}.`);
  const files = (names.length > 0 ? names : there).map((name) => logPath(home, name));
  if (files.length === 0)
    throw new CloudError('NotUp', 'There are no logs yet. Start the local cloud with: npm run up');
  const child = spawn('tail', ['-n', '50', ...(follow ? ['-F'] : []), ...files], { stdio: 'inherit' });
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 0)));
}
