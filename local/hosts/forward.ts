import { connect, createServer } from 'node:net';
import type { Server } from 'node:net';

/** Passes every TCP connection that arrives at an address on to another one, both ways, until either side ends it. */
export function forwarder(to: { readonly address: string; readonly port: number }): Server {
  return createServer({ allowHalfOpen: true }, (incoming) => {
    const outgoing = connect({ host: to.address, port: to.port, allowHalfOpen: true });
    incoming.pipe(outgoing).pipe(incoming);
    incoming.on('error', () => outgoing.destroy());
    outgoing.on('error', () => incoming.destroy());
  });
}

/** Whether somebody listens there. */
export function accepts(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
