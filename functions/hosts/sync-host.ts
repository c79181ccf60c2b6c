import { keys } from '#shared/aws/table/keys.ts';
import type { HostRecord } from '#shared/aws/table/records.ts';
import type { Item } from '#shared/aws/table/store.ts';
import { parseItem, put, type Write } from '#shared/aws/table/writes.ts';
import type { Assignment, ObservedAttachment, SyncAnswer, SyncRequest } from '#shared/model/host.ts';
import type { AttachmentItem, LeaseItem, ObservationItem, VolumeItem } from '#shared/model/items.ts';
import { isSingleWriter } from '#shared/model/rules-use.ts';
import { viewAssignment } from '#shared/model/rules-view.ts';
import type { Caller } from '#shared/runtime/http-request.ts';
import { bootedRecord, type HostPorts } from './host-ports.ts';

/** An observation that says nothing new is written again after this time, so that its age tells something. */
const refreshAfter = 5 * 60_000;
const writesAtOnce = 50;

/** Takes a host's report, and says what it should have. All reads are consistent; reports touch observations only. */
export async function syncHost(ports: HostPorts, caller: Caller, request: SyncRequest): Promise<SyncAnswer> {
  const record = await bootedRecord(ports, caller, request.bootId);
  const now = ports.clock();
  const given = await readGiven(ports, record);
  const news = given.flatMap((volume) => newsOf(volume, { record, request, now }));
  const known = new Set(given.map(({ attachment }) => attachment.volumeId));
  const strays = request.observed.map(({ volumeId }) => volumeId).filter((id) => !known.has(id));
  await report(ports, { record, now, strays, news });
  return {
    now: now.toISOString(),
    assignments: given.map(({ facts, attachment }): Assignment => viewAssignment(facts, attachment)),
    purges: record.purges
      .filter(({ done }) => !done)
      .map(({ volumeId, fileSystemId, accessPointId }) => ({ volumeId, fileSystemId, accessPointId })),
    tasks: record.tasks.map(({ at: _at, hostId: _hostId, result: _result, ...task }) => task),
    draining: record.host.draining,
  };
}

/** A volume that the host has been given. */
interface Given {
  readonly attachment: AttachmentItem;
  readonly facts: { readonly volume: VolumeItem; readonly lease: LeaseItem | undefined };
  readonly last: ObservationItem | undefined;
}

async function readGiven({ table }: HostPorts, { host, attachments }: HostRecord): Promise<Given[]> {
  const found = await table.readMixed(
    attachments.flatMap(({ volumeId }) => [
      keys.volume(volumeId),
      keys.lease(volumeId),
      keys.observation(volumeId, host.id),
    ]),
  );
  const at = ({ pk, sk }: { pk: string; sk: string }): Item | undefined => found.get(`${pk} ${sk}`);
  return attachments.flatMap((attachment) => {
    const { volumeId } = attachment;
    const volume = at(keys.volume(volumeId));
    const lease = at(keys.lease(volumeId));
    const last = at(keys.observation(volumeId, host.id));
    if (volume === undefined) return [];
    return {
      attachment,
      facts: {
        volume: parseItem('volume', volume),
        lease: lease === undefined ? undefined : parseItem('lease', lease),
      },
      last: last === undefined ? undefined : parseItem('observation', last),
    };
  });
}

interface Report {
  readonly record: HostRecord;
  readonly request: SyncRequest;
  readonly now: Date;
}

/** What a host says of a volume that it has not, or under another epoch, is not its to say. */
function newsOf({ attachment, facts, last }: Given, { record, request, now }: Report): Write[] {
  const { volumeId, hostId, epoch } = attachment;
  const { volume, lease } = facts;
  if (isSingleWriter(volume.driver) && (lease?.holder !== hostId || lease.epoch !== epoch)) return [];
  const observed = request.observed.find((one) => one.volumeId === volumeId && one.epoch === epoch);
  if (observed === undefined) return [];
  const fresh = last !== undefined && now.getTime() - Date.parse(last.at) < refreshAfter;
  if (fresh && saysTheSame(last, observed)) return [];
  const item = { ...observed, hostId, bootId: record.host.bootId, at: now.toISOString() };
  return [put('observation', item)];
}

function saysTheSame(
  { hostId: _hostId, bootId: _bootId, at: _at, ...last }: ObservationItem,
  observed: ObservedAttachment,
): boolean {
  const canonical = (value: ObservedAttachment): string =>
    JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  return canonical(last) === canonical(observed);
}

async function report(
  { table }: HostPorts,
  { record, now, strays, news }: { record: HostRecord; now: Date; strays: string[]; news: readonly Write[] },
): Promise<void> {
  const { id, bootId } = record.host;
  const left = strays.length === 0 ? {} : { strays };
  const writes = [put('seen', { hostId: id, bootId, at: now.toISOString(), ...left }), ...news];
  for (let at = 0; at < writes.length; at += writesAtOnce) {
    await table.transact(writes.slice(at, at + writesAtOnce));
  }
}
