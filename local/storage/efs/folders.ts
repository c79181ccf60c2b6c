import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cloud } from '../cloud.ts';
import type { AccessPoint, MountTarget } from '../state/entities.ts';

// What a file system is on disk, and what mount.efs reads: data/ is its root; a file per access point and mount target.

export const dataOf = (cloud: Cloud, fileSystemId: string): string =>
  join(cloud.efsDir, fileSystemId, 'data');

export async function makeFileSystem(cloud: Cloud, id: string): Promise<void> {
  const home = join(cloud.efsDir, id);
  await mkdir(join(home, 'access-points'), { recursive: true });
  await mkdir(join(home, 'mount-targets'), { recursive: true });
  await mkdir(dataOf(cloud, id), { recursive: true, mode: 0o755 });
}

export async function removeFileSystem(cloud: Cloud, id: string): Promise<void> {
  await rm(join(cloud.efsDir, id), { recursive: true, force: true });
}

export async function publishAccessPoint(
  cloud: Cloud,
  { id, fileSystemId, path, creation, posixUser }: AccessPoint,
): Promise<void> {
  await publish(join(cloud.efsDir, fileSystemId, 'access-points'), id, { path, creation, posixUser });
}

export async function withdrawAccessPoint(cloud: Cloud, { id, fileSystemId }: AccessPoint): Promise<void> {
  await rm(join(cloud.efsDir, fileSystemId, 'access-points', `${id}.json`), { force: true });
}

export async function publishMountTarget(
  cloud: Cloud,
  { id, fileSystemId, zone }: MountTarget,
): Promise<void> {
  await publish(join(cloud.efsDir, fileSystemId, 'mount-targets'), id, { zone });
}

export async function withdrawMountTarget(cloud: Cloud, { id, fileSystemId }: MountTarget): Promise<void> {
  await rm(join(cloud.efsDir, fileSystemId, 'mount-targets', `${id}.json`), { force: true });
}

async function publish(folder: string, id: string, value: unknown): Promise<void> {
  const path = join(folder, `${id}.json`);
  await mkdir(folder, { recursive: true });
  await writeFile(`${path}.new`, JSON.stringify(value));
  await rename(`${path}.new`, path);
}
