import { existsSync, realpathSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { bundleOf, nodeOf } from './cloud.ts';
import { endDaemon, startDaemon } from './daemons.ts';
import { HostError } from './errors.ts';
import { waitFor } from './exec.ts';
import { writeJson } from './host-file.ts';
import { IMDS_ENDPOINT } from './imds-process.ts';
import { insideOf } from './machine.ts';
import type { Machine } from './machine.ts';
import { attemptInside } from './namespaces.ts';
import type { Inside } from './namespaces.ts';

/** Where a host's agent answers for its health, inside the host. */
const AGENT_SOCKET = '/run/hivemind/agent.sock';

/** Environment of whatever speaks to AWS or the API from inside a host. */
export function hostEnvironment({ cloud, net }: Machine): Record<string, string> {
  return {
    AWS_REGION: cloud.region,
    AWS_ENDPOINT_URL: `http://${net.gateway}:${cloud.ports.aws}`,
    AWS_EC2_METADATA_SERVICE_ENDPOINT: IMDS_ENDPOINT,
  };
}

/** What the agent says of itself; undefined while it says nothing, or that it is unwell. */
function healthOf(socketPath: string): Promise<{ readonly linked?: boolean } | undefined> {
  return new Promise((resolve) => {
    const call = request({ socketPath, path: '/health', timeout: 2000 }, (response) => {
      let body = '';
      response.on('data', (part) => (body += String(part)));
      response.on('end', () => {
        resolve(response.statusCode === 200 ? (JSON.parse(body) as { linked?: boolean }) : undefined);
      });
    });
    call.on('timeout', () => call.destroy());
    call.on('error', () => resolve(undefined));
    call.end();
  });
}

/** How long a healthy agent may take to register before a start goes on without: the API may be away, in milliseconds. */
const LINK_MS = 15_000;

/** Whether the agent that runs, if any, is this very bundle. */
async function runsBundle(inside: Inside, bundle: string): Promise<boolean> {
  const look = 'tr "\\0" "\\n" <"/proc/$(cat /run/hivemind/agent.pid)/cmdline" | grep -qxF -- "$1"';
  return (await attemptInside(inside, ['sh', '-c', look, 'sh', bundle])).exitCode === 0;
}

/** Starts the host's agent and waits until it says that it is well. One of an older runtime makes way. */
export async function startAgent(machine: Machine): Promise<void> {
  const { cloud, paths, net, record } = machine;
  const link = bundleOf(cloud.home, 'agent');
  if (!existsSync(link)) {
    throw new HostError('CommandFailed', `There is no agent at ${link}; "npm run up" makes it.`);
  }
  // The real path tells one runtime from the next.
  const bundle = realpathSync(link);
  writeJson(paths.agentConfig, {
    endpoint: `http://${net.gateway}:${cloud.ports.api}`,
    region: cloud.region,
  });
  const inside = insideOf(machine);
  if (!(await runsBundle(inside, bundle))) await endDaemon(inside, 'agent');
  await startDaemon(inside, {
    name: 'agent',
    log: join(paths.log, 'agent.log'),
    argv: [nodeOf(cloud.home), bundle, '--config', paths.agentConfig],
    env: hostEnvironment(machine),
  });
  // Its socket lies in the host's private /run; through the first process's root it is in reach from here.
  const socket = join(`/proc/${inside.init.pid}/root`, AGENT_SOCKET);
  const what = `the agent of ${record.name} is healthy (its log is in ${paths.log})`;
  await waitFor(what, () => healthOf(socket), { within: 60_000, every: 50 });
  const linked = waitFor('the agent is registered', async () => (await healthOf(socket))?.linked, {
    within: LINK_MS,
    every: 50,
  });
  await linked.catch(() => undefined);
}

/** Ends the agent of a host and waits for it: it ends the work that it has begun. */
export function stopAgent(machine: Machine): Promise<void> {
  return endDaemon(insideOf(machine), 'agent');
}
