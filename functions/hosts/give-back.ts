import type * as z from 'zod';
import { answerPurge } from '#shared/aws/table/volume-writes.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { ReleaseRequest } from '#shared/model/host.ts';
import { isSingleWriter } from '#shared/model/rules-use.ts';
import type { Caller } from '#shared/runtime/http-request.ts';
import { showUnderWay, showVolume, type Mutation, type VolumeAnswer } from '#functions/volumes/answer.ts';
import { detach } from '#functions/volumes/detach-volume.ts';
import { priorOf } from '#functions/volumes/intent.ts';
import type { Call } from '#functions/volumes/ports.ts';
import { settle } from '#functions/volumes/settle.ts';
import { bootedRecord, heldVolume, hostOf, type HostPorts } from './host-ports.ts';

type Request = z.output<typeof ReleaseRequest> & { readonly volumeId: string };

/** The host gives an idle attachment back. 200: it is gone; 202: AWS detaches it. */
export async function releaseVolume(
  ports: HostPorts,
  call: Omit<Call, 'namespace'>,
  request: Request,
): Promise<Mutation> {
  return settle(async () => {
    const host = await bootedRecord(ports, call.caller, request.bootId);
    const record = await ports.table.readVolume(request.volumeId);
    const attachment = record?.attachments.find(({ hostId }) => hostId === host.host.id);
    // Asked to give it back already: an operation is doing so.
    if (record !== undefined && attachment?.desired === 'detached' && isSingleWriter(record.volume.driver)) {
      return showUnderWay(ports, record.volume);
    }
    const held = await heldVolume(ports, host, request);
    const own: Call = { ...call, namespace: host.host.namespace };
    const once: Call =
      (await priorOf(ports, own)) === undefined ? own : { ...own, idempotencyKey: undefined };
    return detach(ports, once, {
      record: held.record,
      request: { host: host.host.id, forceDetach: false },
    });
  });
}

/** Contract 5: the directory of a deleted network volume is empty; only the host that was asked may say so. */
export async function reportPurged(
  ports: HostPorts,
  caller: Caller,
  { volumeId, accessPointId }: { volumeId: string; accessPointId: string },
): Promise<VolumeAnswer> {
  const hostId = hostOf(ports, caller);
  return settle(async () => {
    const record = await ports.table.readVolume(volumeId);
    const purge = record?.purge;
    if (purge === undefined || purge.hostId !== hostId || purge.accessPointId !== accessPointId) {
      throw new ProductError('AccessDenied', `${hostId} was not asked to empty this volume's directory.`, {
        value: accessPointId,
        about: { volumeId, host: hostId },
      });
    }
    if (!purge.done) await ports.table.transact(answerPurge(purge));
    return showVolume(ports, volumeId);
  });
}
