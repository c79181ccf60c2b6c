import type { Server } from 'node:http';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { mapLimit } from '#shared/model/map-limit.ts';
import { fenceLoop, loopsUnder, releaseLoop } from './bytes/loops.ts';
import { clearNames } from './bytes/names.ts';
import type { Cloud } from './cloud.ts';
import { releaseIdle } from './ec2/devices.ts';

/** Stops serving. Devices in use stay with their hosts: a storage system's desk may close, its disks do not. */
export async function shutDown(cloud: Cloud, servers: readonly Server[]): Promise<void> {
  await mapLimit(servers, 2, closeServer);
  await cloud.work.stop();
  await mapLimit(cloud.store.list('attachments'), 4, ({ volumeId }) => releaseIdle(cloud, volumeId));
  await cloud.store.close();
  if (!(await cloud.disk.close())) cloud.log.info('The disk stays mounted: volumes are in use');
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}

/** Forgets and frees everything: every device is fenced first, so that nothing can write into what is wiped. */
export async function wipe(cloud: Cloud): Promise<void> {
  cloud.work.cancel();
  const instances = cloud.store.list('instances');
  await cloud.store.clear();
  for (const { loop } of await loopsUnder(cloud.disk.folder)) {
    await fenceLoop(loop);
    for (const instance of instances) await clearNames(instance, loop);
    await releaseLoop(loop);
  }
  for (const folder of [
    join(cloud.disk.folder, 'volumes'),
    join(cloud.disk.folder, 'snapshots'),
    cloud.efsDir,
    cloud.backupDir,
  ]) {
    for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true });
  }
}
