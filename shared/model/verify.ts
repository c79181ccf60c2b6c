import * as z from 'zod';

/** Mismatches that a report names; there may be more. */
export const reportedMismatches = 20;
/** Of a tool's or a check command's output, its end. */
export const reportedOutput = 2048;

/** What a host found in a restored copy. */
export const VerifyReport = z
  .strictObject({
    outcome: z.enum(['passed', 'failed']),
    /** What `e2fsck -fn` or `xfs_repair -n` said after the journal was replayed; of an archive `restic check` of its repository. */
    filesystemCheck: z.strictObject({ clean: z.boolean(), output: z.string().max(reportedOutput) }),
    /** Whether there was a manifest to compare with; else every file was only read. */
    manifest: z.boolean(),
    /** Whether there was the volume itself to compare with, of what is no point in time. */
    live: z.boolean().optional(),
    /** Whether it was restored from files in S3. */
    archive: z.literal(true).optional(),
    /** Whether the random mark of the cut was there to look for; then a wrong one is a mismatch. */
    mark: z.boolean(),
    /** Entries of the copy that were looked at. */
    entries: z.int().min(0),
    /** Entries whose kind, size, owner and mode were compared. */
    compared: z.int().min(0),
    /** Files whose contents were compared, or read where there is no manifest. */
    hashed: z.int().min(0),
    /** Number of mismatches. */
    wrong: z.int().min(0),
    /** The first of them, for people. */
    mismatches: z.array(z.string().max(512)).max(reportedMismatches),
    check: z
      .strictObject({ code: z.int(), output: z.string().max(reportedOutput) })
      .optional()
      .meta({ description: 'How the check command ended' }),
    /** From the first mount to the last unmount. */
    seconds: z.number().min(0),
    /** Until the filesystem was mounted, its journal replayed, or the files were there: the host's part of a restore. */
    mountSeconds: z.number().min(0),
  })
  .meta({ id: 'VerifyReport' });
export type VerifyReport = z.infer<typeof VerifyReport>;
