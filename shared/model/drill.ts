import * as z from 'zod';
import { BackupId, HostId, OperationId } from './names.ts';
import { VerifyReport } from './verify.ts';

/** `passed` restored, whole, and as at the cut; `failed` it is not; `overdue` it could not be tried, so nothing is known. */
export const drillOutcomes = ['passed', 'failed', 'overdue'] as const;
export const DrillOutcome = z.enum(drillOutcomes).meta({ id: 'DrillOutcome' });
export type DrillOutcome = z.infer<typeof DrillOutcome>;

/** How the last drill of a backup ended. */
export const Drill = z
  .strictObject({
    at: z.iso.datetime(),
    outcome: DrillOutcome,
    detail: z.string().max(2048).meta({ description: 'What was found, for people' }),
    operation: OperationId,
    host: HostId.optional().meta({ description: 'Where it was looked at' }),
    /** From the beginning of the drill until the data was mounted on the host: what a restore takes. */
    restoreSeconds: z.number().min(0).optional(),
    /** From the beginning of the drill until its outcome was known. */
    seconds: z.number().min(0),
    report: VerifyReport.optional(),
  })
  .meta({ id: 'Drill' });
export type Drill = z.infer<typeof Drill>;

/** A person's own check of the restored data. */
export const DrillCheck = z.strictObject({
  command: z.string().min(1).max(4096).meta({ description: 'For sh -c, as root, in the data directory' }),
  timeoutSeconds: z.int().min(1).max(3600).default(600),
});
export type DrillCheck = z.infer<typeof DrillCheck>;

export const DrillBackup = z
  .strictObject({
    check: DrillCheck.optional(),
    /** Default: a running host of the namespace, in the volume's own zone where there is one. */
    host: HostId.optional(),
  })
  .meta({ id: 'DrillBackup' });
export type DrillBackup = z.infer<typeof DrillBackup>;

/** What the volume held after the cut, written down in the archive bucket. */
export const ManifestRef = z
  .strictObject({
    /** Of the object, as hex. */
    sha256: z.string().regex(/^[0-9a-f]{64}$/, { error: '64 hexadecimal digits' }),
    bytes: z
      .int()
      .positive()
      .max(5 * 2 ** 30),
    entries: z.int().min(0),
    hashed: z.int().min(0),
  })
  .meta({ id: 'ManifestRef' });
export type ManifestRef = z.infer<typeof ManifestRef>;

/** Where manifests are in the archive bucket. */
export const manifestPrefix = 'manifests/';
const manifestEnd = '.json.gz';

export function manifestKey(backupId: string): string {
  return `${manifestPrefix}${backupId}${manifestEnd}`;
}

/** The backup whose manifest stands under a key; undefined for what is none of ours. */
export function backupOfManifest(key: string): string | undefined {
  if (!key.startsWith(manifestPrefix) || !key.endsWith(manifestEnd)) return undefined;
  return BackupId.safeParse(key.slice(manifestPrefix.length, -manifestEnd.length)).data;
}
