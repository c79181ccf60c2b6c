import { setTimeout as delay } from 'node:timers/promises';
import { ProductError } from '#shared/model/errors.ts';
import type { Blocks, HeldDevice } from '#agent/host/blocks.ts';

export interface DevicePorts {
  readonly blocks: Blocks;
  /** How long to wait for the device to show after AWS says attached, in milliseconds. */
  readonly deviceWaitMs?: number;
}

const defaultWaitMs = 30_000;
const deviceLookMs = 250;

/** Contract 2: the device by serial, held open from here to the end of mkfs or mount. @throws ProductError DeviceRefused */
export async function holdDevice(
  { blocks, deviceWaitMs = defaultWaitMs }: DevicePorts,
  serial: string,
): Promise<HeldDevice> {
  const deadline = Date.now() + deviceWaitMs;
  for (;;) {
    const device = await blocks.find(serial);
    if (device !== undefined) return blocks.hold(device);
    if (Date.now() >= deadline) break;
    await delay(deviceLookMs);
  }
  throw new ProductError('DeviceRefused', `No device of this host has the serial ${serial}.`, {
    hint: 'EC2 says it is attached: look at "lsblk -o NAME,SERIAL" and the kernel log.',
  });
}
