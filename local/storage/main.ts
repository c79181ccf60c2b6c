import { readFile } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import * as z from 'zod';
import { streamLog } from './log.ts';
import { startStorageService, type StorageServiceOptions } from './service.ts';

/** The part of HOME/cloud.json that this process reads. */
const cloudFileSchema = z.object({
  home: z.string(),
  region: z.string(),
  account: z.string(),
  ports: z.object({ storage: z.number(), emulator: z.number() }),
  sockets: z.object({ storageAdmin: z.string() }),
  edgeToken: z.string(),
  serviceModels: z.string(),
});

async function optionsFor(home: string): Promise<StorageServiceOptions> {
  const cloud = cloudFileSchema.parse(JSON.parse(await readFile(join(home, 'cloud.json'), 'utf8')));
  const inHome = (path: string): string => (isAbsolute(path) ? path : join(home, path));
  return {
    dir: join(home, 'storage'),
    port: cloud.ports.storage,
    adminSocket: inHome(cloud.sockets.storageAdmin),
    token: cloud.edgeToken,
    serviceModels: inHome(cloud.serviceModels),
    settings: {
      region: cloud.region,
      account: cloud.account,
      eventsEndpoint: `http://127.0.0.1:${cloud.ports.emulator}`,
    },
  };
}

const { values } = parseArgs({ options: { home: { type: 'string' } } });
const log = streamLog();
const service = await startStorageService(
  await optionsFor(resolve(values.home ?? process.env['HIVEMIND_HOME'] ?? '.hivemind')),
);
let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (stopping) return;
    stopping = true;
    service.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error('The storage service did not stop cleanly', { error: String(error) });
        process.exit(1);
      },
    );
  });
}
