import type { DeviceItem, HostItem } from '#shared/model/items.ts';

const letters = (from: string, to: string): string[] =>
  Array.from({ length: to.charCodeAt(0) - from.charCodeAt(0) + 1 }, (_, at) =>
    String.fromCharCode(from.charCodeAt(0) + at),
  );

/** Names that EC2 recommends for EBS, then the two-letter ones that Nitro takes. Source: EC2 user guide, device naming. */
export const deviceNames: readonly string[] = [
  ...letters('f', 'p').map((last) => `/dev/sd${last}`),
  ...['b', 'c'].flatMap((first) => letters('a', 'z').map((last) => `/dev/xvd${first}${last}`)),
];

/** The next free name after the last one used, so that a name which a slow detach still holds comes again late. */
export function nextDevice(
  { lastDevice, burnedDevices }: Pick<HostItem, 'lastDevice' | 'burnedDevices'>,
  claimed: readonly Pick<DeviceItem, 'device'>[],
): string | undefined {
  const taken = new Set([...burnedDevices, ...claimed.map(({ device }) => device)]);
  const { length } = deviceNames;
  return Array.from({ length }, (_, at) => deviceNames[(lastDevice + 1 + at) % length]).find(
    (name) => name !== undefined && !taken.has(name), // guard: device-names off: () => true,
  );
}
