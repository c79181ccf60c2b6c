import type { HostRecord } from './records.ts';
import { discard, remove, type Write } from './writes.ts';

/** The end of a terminated host that has no volumes: nothing of it stays. */
export function forgetHost({ host, seen, devices, purges, tasks }: HostRecord): Write[] {
  return [
    remove('host', host),
    discard('hostIndex', { namespace: host.namespace, hostId: host.id }),
    ...(seen === undefined ? [] : [discard('seen', seen)]),
    ...devices.map((item) => discard('device', item)),
    // What it was asked to do is another host's by now, or has failed: these are its own list of it.
    ...purges.slice(0, asksAtOnce).map((item) => discard('hostPurge', item)),
    ...tasks.slice(0, asksAtOnce).map((item) => discard('hostTask', item)),
  ];
}

/** A transaction takes 100 items, and a host has at most 63 device names. */
const asksAtOnce = 16;
