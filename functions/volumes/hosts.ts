import { keys, partitions } from '#shared/aws/table/keys.ts';
import type { HostRecord } from '#shared/aws/table/records.ts';
import { parseItem, replace } from '#shared/aws/table/writes.ts';
import { isProductError } from '#shared/model/errors.ts';
import type { Host } from '#shared/model/host.ts';
import { isInUse, observationOf } from '#shared/model/rules-use.ts';
import { viewHost } from '#shared/model/rules-view.ts';
import { collectPage, type Page } from './collect-page.ts';
import { detach } from './detach-volume.ts';
import { findHost } from './find.ts';
import { commit, priorOf } from './intent.ts';
import { defaultPageSize } from './list-volumes.ts';
import type { Call, Ports } from './ports.ts';
import { settle } from './settle.ts';

/** One page of a namespace's hosts. */
export async function listHosts(
  ports: Ports,
  namespace: string,
  query: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
): Promise<Page<Host>> {
  return collectPage({
    pk: partitions.hosts(namespace),
    limit: query.limit ?? defaultPageSize,
    cursor: query.cursor,
    list: (asked) => ports.table.list('hostIndex', asked),
    sortKey: ({ hostId }) => hostId,
    show: async (rows) => {
      const found = await ports.table.readMixed(
        rows.flatMap(({ hostId }) => [keys.host(hostId), keys.seen(hostId)]),
      );
      return rows.map(({ hostId }) => {
        const host = found.get(`${keys.host(hostId).pk} HOST`);
        const seen = found.get(`${keys.host(hostId).pk} SEEN`);
        if (host === undefined) return undefined;
        const view = viewHost(
          parseItem('host', host),
          seen === undefined ? undefined : parseItem('seen', seen),
        );
        return isHistory(view, ports.clock()) ? undefined : view;
      });
    },
  });
}

/** EC2 forgets a terminated machine after an hour, the listing after a day; by its id it can still be read. */
function isHistory({ instanceState, lastSeenAt }: Host, now: Date): boolean {
  return instanceState === 'terminated' && now.getTime() - Date.parse(lastSeenAt) > 24 * 3_600_000;
}

/** A host with its volumes, and who uses them. */
export async function getHost(ports: Ports, namespace: string, hostId: string): Promise<Host> {
  return describeHost(ports, await findHost(ports, namespace, hostId));
}

export async function describeHost(ports: Ports, record: HostRecord): Promise<Host> {
  const { host, seen, attachments } = record;
  const wanted = attachments.flatMap(({ volumeId }) => [
    keys.volume(volumeId),
    keys.lease(volumeId),
    keys.observation(volumeId, host.id),
  ]);
  const found = await ports.table.readMixed(wanted);
  const volumes = attachments.flatMap((attachment) => {
    const { pk } = keys.volume(attachment.volumeId);
    const volume = found.get(`${pk} DESIRED`);
    const lease = found.get(`${pk} LEASE`);
    const observation = found.get(`${pk} OBS#${host.id}`);
    if (volume === undefined) return [];
    const facts = {
      volume: parseItem('volume', volume),
      lease: lease === undefined ? undefined : parseItem('lease', lease),
      observations: observation === undefined ? [] : [parseItem('observation', observation)],
    };
    return [
      {
        id: facts.volume.id,
        name: facts.volume.name,
        inUse: isInUse(facts, attachment),
        containers: observationOf(facts, attachment)?.containers ?? [],
      },
    ];
  });
  return viewHost(host, seen, volumes);
}

/** Marks a host as drained, or ends that; idle volumes are handed back at once, used ones when their containers have ended. */
export async function drainHost(
  ports: Ports,
  call: Call,
  { hostId, draining }: { hostId: string; draining: boolean },
): Promise<Host> {
  await settle(async () => {
    if ((await priorOf(ports, call)) !== undefined) return;
    const { host } = await findHost(ports, call.namespace, hostId);
    const writes = host.draining === draining ? [] : [replace('host', host, { ...host, draining })];
    await commit(ports, call, { writes, subject: hostId, status: 200, wake: [hostId] });
  });
  if (draining) await handBackIdle(ports, call, hostId);
  return getHost(ports, call.namespace, hostId);
}

async function handBackIdle(ports: Ports, call: Call, hostId: string): Promise<void> {
  const { attachments } = await findHost(ports, call.namespace, hostId);
  // Each volume's detach is an operation of its own, not the one that the key stands for.
  const own: Call = { ...call, idempotencyKey: undefined, ifMatch: undefined };
  for (const { volumeId, desired } of attachments) {
    if (desired === 'detached') continue;
    await settle(async () => {
      const record = await ports.table.readVolume(volumeId);
      if (record === undefined) return;
      try {
        await detach(ports, own, { record, request: { host: hostId, forceDetach: false } });
      } catch (error) {
        if (!isProductError(error, 'VolumeBusy', 'OperationInProgress')) throw error;
      }
    });
  }
}
