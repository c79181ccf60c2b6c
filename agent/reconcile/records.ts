import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { Assignment } from '#shared/model/host.ts';

/**
 * What this agent wrote down before it mounted: under which epoch, of which boot. It says what a mount is, never that it
 * is there: that is the kernel's to say (contract 6).
 */
export const VolumeRecord = z.object({
  bootId: z.string(),
  assignment: Assignment,
  /** The stage is whole: not only mounted, but prepared to be shown. */
  prepared: z.boolean(),
});
export type VolumeRecord = z.infer<typeof VolumeRecord>;

/** One small file per volume, so that a restarted agent knows its mounts while the API is away. */
export interface Records {
  all(): readonly VolumeRecord[];
  get(volumeId: string): VolumeRecord | undefined;
  put(record: VolumeRecord): Promise<void>;
  remove(volumeId: string): Promise<void>;
}

/** Records of an earlier boot are dropped: with it every mount went. */
export async function openRecords(directory: string, bootId: string): Promise<Records> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const known = new Map(
    (await readAll(directory, bootId)).map((record) => [record.assignment.volumeId, record]),
  );
  const fileOf = (volumeId: string): string => join(directory, `${volumeId}.json`);
  return {
    all: () => [...known.values()],
    get: (volumeId) => known.get(volumeId),
    async put(record) {
      const { volumeId } = record.assignment;
      const old = known.get(volumeId);
      if (old !== undefined && JSON.stringify(old) === JSON.stringify(record)) return;
      await writeWhole(fileOf(volumeId), JSON.stringify(record));
      known.set(volumeId, record);
    },
    async remove(volumeId) {
      known.delete(volumeId);
      await rm(fileOf(volumeId), { force: true });
    },
  };
}

async function readAll(directory: string, bootId: string): Promise<VolumeRecord[]> {
  const records: VolumeRecord[] = [];
  for (const name of await readdir(directory)) {
    if (!name.endsWith('.json')) continue;
    const record = await readOne(join(directory, name));
    if (record?.bootId === bootId) records.push(record);
    else await rm(join(directory, name), { force: true });
  }
  return records;
}

/** Undefined when it was written by another version, or torn by a power cut: the sync tells anew. */
async function readOne(path: string): Promise<VolumeRecord | undefined> {
  try {
    return VolumeRecord.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}

async function writeWhole(path: string, text: string): Promise<void> {
  const making = `${path}.making`;
  const handle = await open(making, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(making, path);
}
