import type * as z from 'zod';
import { check, replace } from '#shared/aws/table/writes.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { Assignment, FormatTicket, FormattedRequest, TicketRequest } from '#shared/model/host.ts';
import type { LeaseItem } from '#shared/model/items.ts';
import { viewAssignment } from '#shared/model/rules-view.ts';
import type { FilesystemRecord } from '#shared/model/volume.ts';
import type { Caller } from '#shared/runtime/http-request.ts';
import { leaseOf } from '#functions/volumes/attach-volume.ts';
import { settle } from '#functions/volumes/settle.ts';
import { bootedRecord, heldVolume, type Held, type HostPorts } from './host-ports.ts';

type TicketAsked = z.output<typeof TicketRequest> & { readonly volumeId: string };
type Formatted = z.output<typeof FormattedRequest> & { readonly volumeId: string };

/**
 * Contract 1: one ticket for a blank volume, bound to volume, epoch and serial, naming the UUID in advance; the same one again
 * while the format is not reported as done.
 * @throws ProductError TicketRefused for everything else: other serial, formatted, not in use by this boot.
 */
export async function takeTicket(
  ports: HostPorts,
  caller: Caller,
  asked: TicketAsked,
): Promise<FormatTicket> {
  return settle(async () => {
    const host = await bootedRecord(ports, caller, asked.bootId);
    const held = await heldVolume(ports, host, asked);
    const lease = refuseWrongHolder(held, asked);
    const { filesystem } = lease;
    const serial = serialOf(held);
    if (filesystem.state === 'formatting') {
      return { ...ticketOf(asked, { ...filesystem, serial }), renewed: true };
    }
    if (filesystem.state !== 'blank') throw refused(held, `its filesystem is ${filesystem.state}`); // guard: ticket-once
    const formatting = { state: 'formatting', type: filesystem.type, uuid: ports.newUuid() } as const;
    const next: LeaseItem = {
      ...lease,
      filesystem: formatting,
      ticketSerial: serial,
      updatedAt: ports.clock().toISOString(),
    };
    await ports.table.transact([replace('lease', lease, next), check('attachment', held.attachment)]);
    return { ...ticketOf(asked, { ...formatting, serial }), renewed: false };
  });
}

function refuseWrongHolder(held: Held, { bootId, serial }: TicketAsked): LeaseItem {
  if (held.record.volume.driver !== 'ebs') throw refused(held, 'volumes of its driver are not formatted');
  const lease = leaseOf(held.record);
  const using = lease.inUse && lease.bootId === bootId;
  if (!using) throw refused(held, 'this boot has not set it in use'); // guard: ticket-in-use
  const expected = serialOf(held);
  const wrong = { serial, expected };
  if (plain(serial) !== plain(expected)) throw refused(held, 'the device has another serial', wrong); // guard: ticket-serial
  if (lease.ticketSerial !== undefined && plain(lease.ticketSerial) !== plain(expected)) {
    throw refused(held, 'its ticket was for another device');
  }
  return lease;
}

/** The serial that the device has on its host, and that its ticket names. */
function serialOf(held: Held): string {
  const { storage } = held.record.volume;
  if (storage?.kind === 'ebs') return plain(storage.volumeId);
  throw refused(held, 'it has no device yet');
}

/** NVMe serials are EBS volume ids without the dash. Source: EC2 user guide, NVMe device names. */
function plain(serial: string): string {
  return serial.replace('-', '');
}

interface TicketParts {
  readonly type: FormatTicket['type'];
  readonly uuid: string;
  readonly serial: string;
}

function ticketOf(
  { volumeId, epoch }: TicketAsked,
  { type, uuid, serial }: TicketParts,
): Omit<FormatTicket, 'renewed'> {
  return { volumeId, epoch, serial, type, uuid };
}

function refused(
  { record }: Held,
  why: string,
  serials?: { readonly serial: string; readonly expected: string },
): ProductError {
  return new ProductError('TicketRefused', `No format ticket for "${record.volume.name}": ${why}.`, {
    ...(serials === undefined ? {} : { value: serials.serial, allowed: serials.expected }),
    about: { volumeId: record.volume.id },
  });
}

/**
 * The ticket was used, or the filesystem was mounted once; from then on no ticket is ever given.
 * @throws ProductError TicketRefused when the UUID is not the one that the ticket named.
 */
export async function reportFormatted(
  ports: HostPorts,
  caller: Caller,
  said: Formatted,
): Promise<Assignment> {
  return settle(async () => {
    const host = await bootedRecord(ports, caller, said.bootId);
    const held = await heldVolume(ports, host, said);
    const lease = leaseOf(held.record);
    const filesystem = afterFormat(held, lease, said);
    const next: LeaseItem = { ...lease, filesystem, updatedAt: ports.clock().toISOString() };
    if (!saysSo(lease.filesystem, said)) await ports.table.transact([replace('lease', lease, next)]);
    return viewAssignment({ ...held.record, lease: next }, held.attachment);
  });
}

function saysSo(filesystem: FilesystemRecord, { uuid, mounted }: Formatted): boolean {
  return filesystem.state === 'formatted' && filesystem.uuid === uuid && (filesystem.mounted || !mounted);
}

function afterFormat(held: Held, { filesystem }: LeaseItem, { uuid, mounted }: Formatted): FilesystemRecord {
  if (filesystem.state !== 'formatting' && filesystem.state !== 'formatted') {
    throw refused(held, `its filesystem is ${filesystem.state}`);
  }
  const foreign = filesystem.uuid !== uuid;
  if (foreign) throw refused(held, `its filesystem is ${filesystem.uuid}, not ${uuid}`); // guard: ticket-uuid
  const before = filesystem.state === 'formatted' && filesystem.mounted;
  return { state: 'formatted', type: filesystem.type, uuid, mounted: before || mounted };
}
