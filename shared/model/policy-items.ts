import * as z from 'zod';
import { BackupId, Namespace, OperationId, PolicyId, PolicyName, RunId, VolumeId } from './names.ts';
import { Policy, PolicyRun, RunKind, RunVolume } from './policy.ts';

/** What the table stores of policies and their runs. */

export const PolicyItem = Policy.omit({
  state: true,
  objectiveSeconds: true,
  nextRun: true,
  drillObjectiveSeconds: true,
  nextDrill: true,
}).extend({
  /** When its drills were switched on or their schedule last changed. */
  drillSince: z.iso.datetime().optional(),
  paused: z.boolean(),
  /** Its schedule and its alarm are to go, and then the policy. */
  deleting: z.boolean(),
  /** Grows with each change that AWS has to learn of. */
  intent: z.int().positive(),
  /** The last intent that AWS is known to have; 0 for none. */
  applied: z.int().min(0),
  /** Contract 8: who changes the schedule or the alarm in AWS right now, and until when nobody else does. */
  applying: z.strictObject({ token: z.string(), deadline: z.iso.datetime() }).optional(),
});
export type PolicyItem = z.infer<typeof PolicyItem>;

/** A policy's name in its namespace. */
export const PolicyNameItem = z.strictObject({ namespace: Namespace, name: PolicyName, policyId: PolicyId });

/** A policy among all of them, for what watches over all. */
export const PolicyIndexItem = z.strictObject({ policyId: PolicyId });

export const RunItem = PolicyRun.extend({
  /** Pages that were begun or pruned end here: the name of the last volume, or the last key. */
  cursor: z.string().optional(),
  /** Of the open volumes, those that have been so for long: they keep nobody waiting. */
  slow: z.int().min(0).default(0),
  revision: z.int().positive(),
});
export type RunItem = z.infer<typeof RunItem>;

export const RunVolumeItem = RunVolume.extend({
  runId: RunId,
  /** When the run came to it. */
  since: z.iso.datetime(),
});
export type RunVolumeItem = z.infer<typeof RunVolumeItem>;

/** A copy that a run has begun, until it has ended; the run looks after it once all backups are made. */
export const RunCopyItem = z.strictObject({
  runId: RunId,
  volumeId: VolumeId,
  copy: BackupId,
  operation: OperationId,
  region: z.string(),
  since: z.iso.datetime(),
});
export type RunCopyItem = z.infer<typeof RunCopyItem>;

/** A volume that a policy selects and that has no good backup, or none that was ever proven: since when, so that a new one is not overdue at once. */
export const WatchedItem = z.strictObject({
  policyId: PolicyId,
  volumeId: VolumeId,
  missing: RunKind.default('backup'),
  since: z.iso.datetime(),
  seenAt: z.iso.datetime(),
});
export type WatchedItem = z.infer<typeof WatchedItem>;
