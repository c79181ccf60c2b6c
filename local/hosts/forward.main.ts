import { forwarder } from './forward.ts';

/** `node forward.mjs LISTEN-ADDRESS TO-ADDRESS PORT…`: serves hosts on a machine that has no iptables. */
const [, , listen = '', to = '', ...ports] = process.argv;
for (const port of ports.map(Number)) forwarder({ address: to, port }).listen(port, listen);
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => process.exit(0));
