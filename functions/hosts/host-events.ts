import * as z from 'zod';
import type { Waker } from '#shared/aws/queue.ts';
import { keys, partitions } from '#shared/aws/table/keys.ts';
import type { Table } from '#shared/aws/table/table.ts';
import { replace } from '#shared/aws/table/writes.ts';
import { mapLimit } from '#shared/model/map-limit.ts';
import type { HostItem } from '#shared/model/items.ts';
import { HostId } from '#shared/model/names.ts';
import type { Log } from '#shared/runtime/telemetry.ts';
import { settle } from '#functions/volumes/settle.ts';

export interface HostEventPorts {
  readonly table: Table;
  readonly waker: Waker;
  readonly log: Log;
}

/** EventBridge's `EC2 Instance State-change Notification`. */
export const InstanceStateEvent = z.object({
  id: z.string().min(1),
  time: z.iso.datetime(),
  detail: z.object({
    'instance-id': HostId,
    state: z.enum(['pending', 'running', 'stopping', 'stopped', 'shutting-down', 'terminated']),
  }),
});
export type InstanceStateEvent = z.infer<typeof InstanceStateEvent>;

/** Hosts that are woken at the same time. */
const wakesAtOnce = 10;
const hostsWoken = 200;

/**
 * Records what EC2 said of a host's machine, and wakes who may go on now: the host itself when it runs; when it can write no
 * more, the other hosts of its namespace, one of which may wait for its volumes. Says whether the machine is a host of ours.
 */
export async function applyInstanceState(ports: HostEventPorts, event: InstanceStateEvent): Promise<boolean> {
  const { 'instance-id': hostId, state } = event.detail;
  const host = await settle(() => record(ports, event));
  if (host === undefined) return false;
  ports.log.info('instance state', { hostId, state });
  if (state === 'running') await ports.waker.wake(hostId);
  if (state === 'stopped' || state === 'terminated') await wakeOthers(ports, host);
  return true;
}

async function record(
  { table }: HostEventPorts,
  { time, detail: { 'instance-id': hostId, state } }: InstanceStateEvent,
): Promise<HostItem | undefined> {
  const host = await table.read('host', keys.host(hostId));
  if (host === undefined || !isNews(host, { state, time })) return host;
  // An attach that hung keeps its device name until the instance stops. Source: EBS troubleshooting guide.
  const free = state === 'stopped' || state === 'terminated' ? { burnedDevices: [] } : {};
  const gone = state === 'terminated' ? { terminatedAt: time } : {};
  const next = { ...host, instanceState: state, ...free, ...gone };
  await table.transact([replace('host', host, next)]);
  return next;
}

/** A state that is passed through, and where it leads: told after that, it is old. */
const after: Readonly<Record<string, HostItem['instanceState']>> = {
  pending: 'running',
  stopping: 'stopped',
  'shutting-down': 'terminated',
};

/**
 * Events come late, in any order and more than once, but a machine that is gone stays gone. One that has registered since
 * runs: a `stopped` of before must not call it powerless. Times of events are whole seconds.
 */
function isNews(host: HostItem, { state, time }: { state: string; time: string }): boolean {
  if (host.instanceState === state || host.instanceState === 'terminated') return false;
  if (after[state] === host.instanceState) return false;
  return state === 'terminated' || Date.parse(time) + 1_000 > Date.parse(host.lastSeenAt);
}

async function wakeOthers({ table, waker }: HostEventPorts, { id, namespace }: HostItem): Promise<void> {
  const { items } = await table.list('hostIndex', { pk: partitions.hosts(namespace), limit: hostsWoken });
  const others = items.map(({ hostId }) => hostId).filter((hostId) => hostId !== id);
  await mapLimit(others, wakesAtOnce, (hostId) => waker.wake(hostId));
}
