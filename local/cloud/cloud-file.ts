import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { CloudError } from './errors.ts';

const Port = z.int().min(1).max(65_535);

/** `cloud.json`: the only file that other parts read to find a local cloud. Paths under `sockets` are relative to `home`. */
export const CloudFile = z.object({
  version: z.literal(1),
  home: z.string(),
  region: z.string(),
  account: z.string(),
  ports: z.object({ aws: Port, api: Port, emulator: Port, storage: Port }),
  sockets: z.object({ edgeAdmin: z.string(), storageAdmin: z.string(), identity: z.string() }),
  network: z.object({ index: z.int().min(0) }),
  /** What the edge shows the storage service, which takes nothing without it. */
  edgeToken: z.string(),
  /** botocore's service models, for the storage service. */
  serviceModels: z.string(),
  /** Set by the first deployment. */
  apiId: z.string().optional(),
  stack: z.record(z.string(), z.string()).optional(),
  /** Hash of what was deployed: an `up` with the same deploys nothing. */
  deployed: z.string().optional(),
  cliUser: z.object({ accessKeyId: z.string(), secretAccessKey: z.string() }).optional(),
});
export type CloudFile = z.infer<typeof CloudFile>;

export function cloudFilePath(home: string): string {
  return join(home, 'cloud.json');
}

export function readCloud(home: string): CloudFile | undefined {
  const path = cloudFilePath(home);
  return existsSync(path) ? CloudFile.parse(JSON.parse(readFileSync(path, 'utf8'))) : undefined;
}

/** @throws CloudError NotUp when there is no local cloud at that home. */
export function requireCloud(home: string): CloudFile {
  const cloud = readCloud(home);
  if (cloud === undefined)
    throw new CloudError('NotUp', `There is no local cloud at ${home}. Start one with: npm run up`);
  return cloud;
}

/** Atomic; mode 600, since it holds keys. */
export function writeCloud(cloud: CloudFile): CloudFile {
  writeJson(cloudFilePath(cloud.home), CloudFile.parse(cloud));
  return cloud;
}

export function updateCloud(home: string, change: Partial<CloudFile>): CloudFile {
  return writeCloud({ ...requireCloud(home), ...change });
}

/** Writes JSON beside its place and renames it, so that no reader sees half of it. */
export function writeJson(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
