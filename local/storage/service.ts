import { mkdir } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { adminRoutes } from './admin/routes.ts';
import { listenAdmin } from './admin/server.ts';
import { backupOperations } from './backup/operations.ts';
import { Disk } from './bytes/disk.ts';
import { CallLog } from './call-log.ts';
import type { Cloud } from './cloud.ts';
import { answererOf } from './dispatch.ts';
import { ec2Operations } from './ec2/operations.ts';
import { writeMountHelper } from './efs/mount-helper.ts';
import { efsOperations } from './efs/operations.ts';
import { Events } from './events.ts';
import { Faults } from './faults.ts';
import { type Log, streamLog } from './log.ts';
import { recover } from './recover.ts';
import { shutDown, wipe } from './shutdown.ts';
import { type SettingsInput, settingsSchema } from './settings.ts';
import { Store } from './state/store.ts';
import { loadServiceModels } from './wire/model.ts';
import { wireServer } from './wire/server.ts';
import { Work } from './work.ts';

export interface StorageServiceOptions {
  /** Where state and bytes are kept, e.g. HOME/storage. */
  readonly dir: string;
  /** TCP port on 127.0.0.1; 0 takes a free one. */
  readonly port: number;
  /** The admin interface's unix socket. Default: `admin.sock` in `dir`. */
  readonly adminSocket?: string | undefined;
  /** When set, only requests that carry it are served. */
  readonly token?: string | undefined;
  /** botocore's `data` folder. */
  readonly serviceModels: string;
  readonly settings?: SettingsInput | undefined;
  readonly log?: Log | undefined;
}

/** A running storage service. */
export interface StorageService {
  /** The wire's address. */
  readonly url: string;
  readonly adminSocket: string;
  /** Answers that were not what AWS's models say; empty unless the service has a bug. */
  readonly invalidAnswers: readonly string[];
  /** Stops serving; devices that nothing holds are freed, and come back at the next start. */
  stop(): Promise<void>;
}

/** Starts the storage service on a folder; what an earlier one on the same folder left, it takes over. */
export async function startStorageService(options: StorageServiceOptions): Promise<StorageService> {
  const log = options.log ?? streamLog();
  const models = await loadServiceModels(options.serviceModels);
  const cloud = await openCloud(options, log);
  await recover(cloud);
  const parts = { cloud, faults: new Faults(), calls: new CallLog(), invalidAnswers: [] as string[] };
  const operations = { ec2: ec2Operations, efs: efsOperations, backup: backupOperations };
  const answer = answererOf({
    ...parts,
    models,
    operations,
    onInvalidAnswer: (text) => parts.invalidAnswers.push(text),
  });
  const server = wireServer({ token: options.token, answer });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  const adminSocket = options.adminSocket ?? join(options.dir, 'admin.sock');
  const admin = await listenAdmin(adminSocket, adminRoutes({ ...parts, reset: () => wipe(cloud) }));
  const { port } = server.address() as AddressInfo;
  log.info('The storage service is ready', { port, adminSocket });
  return {
    url: `http://127.0.0.1:${port}`,
    adminSocket,
    invalidAnswers: parts.invalidAnswers,
    stop: () => shutDown(cloud, [server, admin]),
  };
}

async function openCloud(options: StorageServiceOptions, log: Log): Promise<Cloud> {
  const settings = settingsSchema.parse(options.settings ?? {});
  const backupDir = join(options.dir, 'backups');
  await mkdir(backupDir, { recursive: true });
  const efsDir = join(options.dir, 'efs');
  await mkdir(efsDir, { recursive: true });
  await writeMountHelper(options.dir, efsDir);
  const disk = new Disk(options.dir, settings.diskGib);
  await disk.open();
  const store = await Store.open(options.dir);
  const work = new Work(log);
  const events = new Events({ store, work, log, endpoint: settings.eventsEndpoint });
  return { settings, store, disk, work, events, log, efsDir, backupDir };
}
