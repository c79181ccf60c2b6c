import { forgetHost } from '#shared/aws/table/host-writes.ts';
import { replace } from '#shared/aws/table/writes.ts';
import type { HostItem } from '#shared/model/items.ts';
import type { SweepPorts } from './ports.ts';

/** A terminated host can be read for so long, as the listing shows it. */
const keptFor = 24 * 3_600_000;

/** Removes the queues of terminated hosts, which would stay for ever. Instance ids are never used again. */
export async function removeQueues(ports: SweepPorts): Promise<string[]> {
  const hosts = await ports.table.listTerminatedHosts('hostQueues', ports.clock().toISOString());
  return each(ports, hosts, async (host) => {
    await ports.queues.remove(host.queueUrl);
    await ports.table.transact([replace('host', host, { ...host, queueUrl: '' })]);
    return true;
  });
}

/** Removes the records of hosts that were terminated a day ago and have no volume any more. */
export async function forgetHosts(ports: SweepPorts): Promise<string[]> {
  const before = new Date(ports.clock().getTime() - keptFor).toISOString();
  const hosts = await ports.table.listTerminatedHosts('goneHosts', before);
  return each(ports, hosts, async ({ id }) => {
    const record = await ports.table.readHost(id);
    // Its volumes are taken from it by whoever asks for them; until then the record says where they are.
    if (record === undefined || record.attachments.length > 0) return false;
    await ports.table.transact(forgetHost(record));
    return true;
  });
}

/** The hosts that it was done for. One that cannot be done right now must not keep the others from it. */
async function each(
  { log }: SweepPorts,
  hosts: readonly HostItem[],
  work: (host: HostItem) => Promise<boolean>,
): Promise<string[]> {
  const done: string[] = [];
  for (const host of hosts) {
    const worked = await work(host).catch((error: unknown) => {
      log.warn('terminated host not swept', { hostId: host.id, error });
      return false;
    });
    if (worked) done.push(host.id);
  }
  return done;
}
