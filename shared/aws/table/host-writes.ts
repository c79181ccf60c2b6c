import type { HostRecord } from './records.ts';
import { discard, remove, type Write } from './writes.ts';

/** The end of a terminated host that has no volumes: nothing of it stays. */
export function forgetHost({ host, seen, devices, purges }: HostRecord): Write[] {
  return [
    remove('host', host),
    discard('hostIndex', { namespace: host.namespace, hostId: host.id }),
    ...(seen === undefined ? [] : [discard('seen', seen)]),
    ...devices.map((item) => discard('device', item)),
    // A directory that it was asked to empty is another host's task by now, which has its own item.
    ...purges.slice(0, purgesAtOnce).map((item) => discard('hostPurge', item)),
  ];
}

/** A transaction takes 100 items, and a host has at most 63 device names. */
const purgesAtOnce = 30;
