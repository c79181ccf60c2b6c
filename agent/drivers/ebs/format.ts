import type { Assignment } from '#shared/model/host.ts';
import { ProductError } from '#shared/model/errors.ts';
import { plainSerial, type Blocks, type HeldDevice } from '#agent/host/blocks.ts';
import type { HostApi } from '#agent/link/api.ts';
import type { Log } from '#agent/log.ts';
import { refuseContents, type Filesystems, type Format } from './filesystem.ts';

export interface FormatPorts {
  readonly api: Pick<HostApi, 'takeTicket' | 'reportFormatted'>;
  readonly blocks: Blocks;
  readonly filesystems: Filesystems;
  readonly log: Log;
}

/**
 * Contract 1: format once. INVARIANTS: nothing is written without a ticket for this volume, epoch and serial; mkfs runs
 * only on a device that three looks call empty, or that holds nothing but this very ticket's own unfinished format.
 */
export async function formatOnce(
  ports: FormatPorts,
  assignment: Assignment,
  device: HeldDevice,
): Promise<Assignment> {
  const { volumeId, epoch, filesystem } = assignment;
  if (filesystem.state === 'formatted') return assignment;
  if (!(await ports.blocks.isFree(device.path))) throw stillFormatting(assignment);
  const ticket = await ports.api.takeTicket(volumeId, { epoch, serial: device.serial });
  const sameDevice = plainSerial(ticket.serial) === plainSerial(device.serial);
  const bound = ticket.volumeId === volumeId && ticket.epoch === epoch && sameDevice;
  if (!bound) throw foreignTicket(assignment); // guard: ticket-bound
  await makeOrFinish(ports, device, ticket);
  ports.log.info('formatted', { volumeId, device: device.path, uuid: ticket.uuid, renewed: ticket.renewed });
  return ports.api.reportFormatted(volumeId, { epoch, uuid: ticket.uuid, mounted: false });
}

async function makeOrFinish(
  { blocks, filesystems }: FormatPorts,
  device: HeldDevice,
  ticket: Format & { readonly renewed: boolean },
): Promise<void> {
  if (ticket.renewed) {
    const state = await filesystems.inspect(device, ticket);
    if (state === 'clean') return; // guard: format-finished
    if (state === 'other') throw refuseContents(device, await describe(blocks, device)); // guard: format-renewed
    if (state === 'incomplete') await filesystems.wipe(device);
  } else {
    const found = await blocks.contents(device.path);
    if (found.length > 0) throw refuseContents(device, found); // guard: format-empty
  }
  await filesystems.make(device, ticket);
}

async function describe(blocks: Blocks, device: HeldDevice): Promise<string[]> {
  const found = await blocks.contents(device.path);
  return found.length > 0 ? found : ['it holds a filesystem that has been mounted'];
}

function foreignTicket({ name }: Assignment): ProductError {
  return new ProductError(
    'TicketRefused',
    `The format ticket for "${name}" is for another device or epoch.`,
    {
      hint: 'Nothing was written. Try again; the control plane issues a new one.',
    },
  );
}

function stillFormatting({ name }: Assignment): ProductError {
  return new ProductError(
    'OperationInProgress',
    `The device of volume "${name}" is still held on this host.`,
    {
      hint: 'A format may still run: try again in a moment.',
    },
  );
}
