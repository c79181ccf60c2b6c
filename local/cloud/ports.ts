import { createServer } from 'node:net';
import { CloudError } from './errors.ts';
import type { CloudFile } from './cloud-file.ts';

/** Asks the kernel for a free port on loopback (`port` 0), or whether that one is free. */
function probe(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined));
    });
  });
}

/**
 * Ports of a new cloud: four in a row from `first`, or any free ones for 0.
 * @throws CloudError PortTaken naming the port and the way round.
 */
export async function allocatePorts(first: number): Promise<CloudFile['ports']> {
  const ports: number[] = [];
  for (let offset = 0; offset < 4; offset++) {
    const wanted = first === 0 ? 0 : first + offset;
    const port = await probe(wanted);
    if (port === undefined) {
      throw new CloudError(
        'PortTaken',
        `Port ${wanted} is taken by another program. Choose another first port: npm run up -- --port ${first + 100}`,
      );
    }
    ports.push(port);
  }
  const [aws = 0, api = 0, emulator = 0, storage = 0] = ports;
  return { aws, api, emulator, storage };
}
