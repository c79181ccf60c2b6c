import * as z from 'zod';
import { Labels } from './labels.ts';
import { VolumeName } from './names.ts';
import { Driver, FilesystemType, Owner, VolumeType } from './volume.ts';

/**
 * What an archive says about the volume it was made of: enough to create it again. It stands in the archive's first header
 * (pax, global, `comment`), which every tar program passes over. Unknown fields are left out, so that older programs read it.
 */
export const ArchiveMetadata = z.object({
  version: z.literal(1),
  name: VolumeName,
  type: VolumeType,
  driver: Driver,
  /** Bytes; null where the driver has no size. */
  sizeBytes: z.int().positive().nullable(),
  labels: Labels,
  options: z.record(z.string(), z.string().max(1024)),
  owner: Owner,
  /** Null for drivers that are not formatted. */
  filesystem: FilesystemType.nullable(),
  createdAt: z.iso.datetime(),
});
export type ArchiveMetadata = z.infer<typeof ArchiveMetadata>;

const mark = 'hivemind-volume ';

/** The comment that carries the metadata; ASCII. */
export function metadataComment(metadata: ArchiveMetadata): string {
  const json = JSON.stringify(ArchiveMetadata.parse(metadata));
  const escape = (letter: string): string => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return `${mark}${json.replaceAll(/[^\x20-\x7e]/g, escape)}`;
}

/** The metadata in a comment; undefined when it is not ours or not whole. */
export function parseMetadataComment(comment: string | undefined): ArchiveMetadata | undefined {
  if (comment?.startsWith(mark) !== true) return undefined;
  try {
    return ArchiveMetadata.safeParse(JSON.parse(comment.slice(mark.length))).data;
  } catch {
    return undefined;
  }
}
