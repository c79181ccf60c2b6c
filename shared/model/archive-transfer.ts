import * as z from 'zod';
import { SentForm } from './extract.ts';
import { HostId, Namespace, OperationId, VolumeId, VolumeName } from './names.ts';
import { maxParts, maxTransferBytes } from './transfer.ts';

/** An archive on its way between a volume's files and a caller's file: through the archive bucket, by presigned URLs. */

/** Where an archive stands in the archive bucket. What is left there is removed a day later by the bucket itself. */
export const transferPrefix = 'transfers/';
export function transferKey(operationId: string): string {
  return `${transferPrefix}${operationId}/archive.tar.gz`;
}

/** Hex, of all bytes. */
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, { error: '64 hexadecimal digits' });
/** As S3 writes it: base64 of 32 bytes. */
const PartSha256 = z.string().regex(/^[A-Za-z0-9+/]{43}=$/, { error: 'base64 of a SHA-256' });

/** A part that is to be sent: its URL is signed for this content and no other. */
export const WantedPart = z.strictObject({
  partNumber: z.int().min(1).max(maxParts),
  sizeBytes: z.int().min(0),
  sha256: PartSha256,
});
export type WantedPart = z.infer<typeof WantedPart>;

/** A part that has arrived. */
export const SentPart = WantedPart.extend({ etag: z.string().max(128) });
export type SentPart = z.infer<typeof SentPart>;

/** Where a part goes. The headers were signed: they are sent as they are. */
export const SignedPart = z.strictObject({
  partNumber: z.int(),
  url: z.string(),
  headers: z.record(z.string(), z.string()),
});
export type SignedPart = z.infer<typeof SignedPart>;

const Wanted = z.array(WantedPart).min(1).max(100);
const Sent = z.array(SentPart).min(1).max(maxParts);

/** What the agent found while it packed or unpacked. */
export const TransferReport = z
  .strictObject({
    /** Regular files and hard links. */
    files: z.int().min(0),
    /** What was left out, changed while it was read, or could not be kept. */
    notes: z.array(z.string().max(512)).max(100),
    form: SentForm.optional().meta({ description: 'Of what was read from a backup; default: an archive' }),
  })
  .meta({ id: 'TransferReport' });
export type TransferReport = z.infer<typeof TransferReport>;

/** `packing` a host reads the volume; `ready` it can be fetched; `removed` it was fetched, or is too old; `failed` see the operation. */
export const exportStates = ['packing', 'ready', 'removed', 'failed'] as const;

const host = HostId.optional().meta({
  description: 'Which host shall read or write the files; needed for a directory that several could',
});

export const CreateExport = z.strictObject({ host }).meta({ id: 'CreateExport' });
export type CreateExport = z.infer<typeof CreateExport>;

/** A volume's files as one archive, kept for a day. */
export const Export = z
  .strictObject({
    operation: OperationId,
    namespace: Namespace,
    volumeId: VolumeId,
    volume: VolumeName,
    state: z.enum(exportStates),
    sizeBytes: z.int().min(0).optional(),
    sha256: Sha256.optional(),
    report: TransferReport.optional(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'Export' });
export type Export = z.infer<typeof Export>;

export const SignedUrl = z
  .strictObject({ url: z.string(), expiresAt: z.iso.datetime() })
  .meta({ id: 'SignedUrl' });
export type SignedUrl = z.infer<typeof SignedUrl>;

/** `receiving` parts are still to come; `unpacking` a host writes the files; then it has ended: see the operation. */
export const importStates = ['receiving', 'unpacking', 'done', 'failed'] as const;

const force = z.boolean().optional().meta({
  description:
    'With inPlace: wait up to ten minutes until nobody uses the volume any more, in place of a refusal',
});

export const BeginImport = z
  .strictObject({
    sizeBytes: z.int().min(1).max(maxTransferBytes),
    partBytes: z.int().min(5 * 2 ** 20),
    host,
    inPlace: z.boolean().optional().meta({
      description:
        'The volume may hold files: they are kept as a backup once all parts are sent, and then replaced',
    }),
    force,
  })
  .meta({ id: 'BeginImport' });
export type BeginImport = z.infer<typeof BeginImport>;

/** An archive that is sent to a volume. Its id becomes that of the operation which unpacks it. */
export const Import = z
  .strictObject({
    id: OperationId,
    namespace: Namespace,
    volumeId: VolumeId,
    volume: VolumeName,
    state: z.enum(importStates),
    sizeBytes: z.int(),
    partBytes: z.int(),
    inPlace: z.boolean().optional().meta({ description: 'As it was begun' }),
    report: TransferReport.optional(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'Import' });
export type Import = z.infer<typeof Import>;

export const WantedParts = z.strictObject({ parts: Wanted }).meta({ id: 'WantedParts' });
export const SignedParts = z.strictObject({ parts: z.array(SignedPart) }).meta({ id: 'SignedParts' });
export const CompleteImport = z
  .strictObject({ parts: Sent, sha256: Sha256, host, force })
  .meta({ id: 'CompleteImport' });
export type CompleteImport = z.infer<typeof CompleteImport>;

const BootId = z.uuid();
/** Each try of an agent is an upload of its own: a stream cannot be resumed, and nothing of an earlier one counts. */
const attempt = z.uuid();
export const ExportParts = z
  .strictObject({ bootId: BootId, attempt, parts: Wanted })
  .meta({ id: 'ExportParts' });
export const CompleteExport = z
  .strictObject({ bootId: BootId, attempt, parts: Sent, sizeBytes: z.int().min(0), sha256: Sha256 })
  .meta({ id: 'CompleteExport' });
export const ImportSourceRequest = z.strictObject({ bootId: BootId }).meta({ id: 'ImportSourceRequest' });
/** Where a host fetches the archive that it unpacks. */
export const ImportSource = z
  .strictObject({ url: z.string(), sizeBytes: z.int(), sha256: Sha256 })
  .meta({ id: 'ImportSource' });
export type ImportSource = z.infer<typeof ImportSource>;
