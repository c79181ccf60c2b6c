import type { HostRecord } from '#shared/aws/table/records.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { VolumeItem } from '#shared/model/items.ts';
import { isInUse, type VolumeFacts } from '#shared/model/rules-use.ts';
import { driverTraits } from '#shared/model/volume.ts';
import { findHost } from '#functions/volumes/find.ts';
import { listHosts } from '#functions/volumes/hosts.ts';
import type { Ports } from '#functions/volumes/ports.ts';

/** A host that has not synced for so long, in milliseconds, is not asked for anything new. */
export const silentAfter = 10 * 60_000;

/**
 * The host that reads or writes a volume's files for a transfer: the one that has it mounted, else one that has it, else
 * one that may get it. That one's agent claims the volume like any other user.
 * @throws ProductError IllegalState when there is none, or for a directory when there are several.
 */
export async function chooseHost(
  ports: Ports,
  facts: VolumeFacts,
  asked: string | undefined,
): Promise<HostRecord> {
  const { volume } = facts;
  if (asked !== undefined) return demandUsable(ports, volume, await findHost(ports, volume.namespace, asked));
  const having = facts.attachments
    .filter(({ desired }) => desired === 'attached')
    .toSorted((a, b) => Number(isInUse(facts, b)) - Number(isInUse(facts, a)));
  for (const { hostId } of having) {
    const record = await ports.table.readHost(hostId);
    if (record !== undefined && whyNot(ports, { volume, has: true }, record) === undefined) return record;
  }
  return findHost(ports, volume.namespace, await anyHost(ports, volume));
}

async function anyHost(ports: Ports, volume: VolumeItem): Promise<string> {
  const found: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await listHosts(ports, volume.namespace, { cursor });
    for (const host of page.items)
      if (reasonOf(ports, { volume, has: false }, host) === undefined) found.push(host.id);
    cursor = page.cursor;
  } while (cursor !== undefined && found.length < 2);
  const [first] = found;
  if (first === undefined) throw noHost(volume);
  // A directory is each host's own.
  if (volume.driver === 'bind' && found.length > 1) throw whichHost(volume, found);
  return first;
}

function demandUsable(ports: Ports, volume: VolumeItem, record: HostRecord): HostRecord {
  const why = whyNot(ports, { volume, has: false }, record);
  if (why === undefined) return record;
  throw new ProductError('IllegalState', `${record.host.id} cannot serve "${volume.name}": it ${why}.`, {
    value: record.host.id,
    hint: 'Choose another host, or leave the choice to the control plane.',
  });
}

function whyNot(ports: Ports, wanted: Wanted, { host, seen }: HostRecord): string | undefined {
  return reasonOf(ports, wanted, { ...host, lastSeenAt: seen?.at ?? host.lastSeenAt });
}

interface Wanted {
  readonly volume: VolumeItem;
  /** The host has the volume already. */
  readonly has: boolean;
}

type Candidate = Pick<
  HostRecord['host'],
  'instanceState' | 'draining' | 'drivers' | 'availabilityZone' | 'lastSeenAt'
>;

function reasonOf({ clock }: Ports, { volume, has }: Wanted, host: Candidate): string | undefined {
  const { instanceState, draining, drivers, availabilityZone, lastSeenAt } = host;
  if (instanceState !== 'running') return `is ${instanceState}`;
  if (clock().getTime() - Date.parse(lastSeenAt) > silentAfter)
    return `has not been heard of since ${lastSeenAt}`;
  if (has) return undefined;
  if (draining) return 'is being drained';
  if (!drivers.includes(volume.driver)) return `serves no ${volume.driver} volumes`;
  const elsewhere = (volume.availabilityZone ?? availabilityZone) !== availabilityZone;
  return driverTraits[volume.driver].zoned && elsewhere ? `is in ${availabilityZone}` : undefined;
}

function noHost({ name, namespace, driver, availabilityZone }: VolumeItem): ProductError {
  const where = driverTraits[driver].zoned && availabilityZone !== undefined ? ` in ${availabilityZone}` : '';
  return new ProductError('IllegalState', `No running host${where} can serve "${name}".`, {
    value: name,
    allowed: `a running host of namespace "${namespace}"${where} that serves ${driver} volumes`,
    hint: 'The files are read and written by a host: start one there, or use a snapshot (without --output).',
  });
}

function whichHost({ name }: VolumeItem, hosts: readonly string[]): ProductError {
  return new ProductError(
    'IllegalState',
    `"${name}" is a directory of its host, and there are several hosts.`,
    {
      value: name,
      allowed: hosts.join(', '),
      hint: 'Name the host: --host ID.',
    },
  );
}
