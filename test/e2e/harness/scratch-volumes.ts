import type { TestCloud } from './cloud.ts';

/** Ids of the EBS volumes that such operations have made to look into a backup. */
export async function scratchVolumes(
  { storage }: TestCloud,
  ...works: readonly ('browse' | 'drill' | 'extract')[]
): Promise<string[]> {
  const isScratch = (volume: unknown): boolean =>
    works.some((work) => JSON.stringify(volume).includes(`/${work}-`));
  const volumes = await storage.volumes();
  return volumes.filter(isScratch).map(({ id }) => id);
}
