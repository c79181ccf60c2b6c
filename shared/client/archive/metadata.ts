import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { parseMetadataComment, type ArchiveMetadata } from '#shared/model/archive.ts';
import { ByteSource } from './byte-source.ts';
import { readTar } from './reader.ts';
import { refusedArchive } from './refused.ts';

/**
 * What a tar.gz says about the volume it was made of; undefined for an archive that somebody else made. Reads its
 * beginning only.
 * @throws ArchiveRefused when it is not a tar.gz; the system's own error when the file cannot be read.
 */
export async function readArchiveMetadata(file: string): Promise<ArchiveMetadata | undefined> {
  const input = createReadStream(file);
  const gunzip = createGunzip();
  // What goes wrong shows at the reading end.
  pipeline(input, gunzip, () => undefined);
  try {
    const first = await readTar(new ByteSource(gunzip)).next();
    if (first.done === true || !('global' in first.value)) return undefined;
    return parseMetadataComment(first.value.global.get('comment'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_'))
      throw refusedArchive('it is not compressed with gzip, or damaged');
    throw error;
  } finally {
    input.destroy();
    gunzip.destroy();
  }
}
