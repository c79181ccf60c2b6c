import * as z from 'zod';
import { Engine } from './backup.ts';
import { BackupHooks, Consistency } from './consistency.ts';
import { Objective, parseDuration } from './duration.ts';
import { parseSelector } from './labels.ts';
import {
  BackupId,
  Namespace,
  OperationId,
  PolicyId,
  PolicyName,
  Region,
  RunId,
  VolumeId,
  VolumeName,
} from './names.ts';
import { OtherBucket } from './repository.ts';
import { Retention } from './retention.ts';
import { DrillSchedule, longestGap, nextRuns, parseSchedule, ScheduleText } from './schedule.ts';
import { Timezone } from './timezone.ts';

/** Which volumes: label conditions, all of which must hold. An empty one would select every volume that there ever is. */
export const Selector = z
  .string()
  .max(512)
  .superRefine((text, context) => {
    const problem = selectorProblem(text);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  })
  .meta({
    id: 'Selector',
    description: 'Label conditions: `key=value`, `key`, `!key`, separated by commas; all must hold',
    example: 'backup=true',
  });

function selectorProblem(text: string): string | undefined {
  const allowed = 'must be "key=value", "key" or "!key", separated by commas';
  try {
    return parseSelector(text).length > 0 ? undefined : `${allowed}; at least one`;
  } catch {
    return allowed;
  }
}

/**
 * `pending` recorded, and its schedule is being made or changed; `active` it runs on time; `paused` it does not run, and
 * its alarm goes on watching; `deleting` its schedule and alarm are being removed.
 */
export const policyStates = ['pending', 'active', 'paused', 'deleting'] as const;
export const PolicyState = z.enum(policyStates).meta({ id: 'PolicyState' });

const Settings = {
  schedule: ScheduleText,
  timezone: Timezone,
  selector: Selector,
  retention: Retention,
  engine: Engine.meta({
    description:
      'native: by the drivers’ own means, and as files where a driver has none; restic: all as files',
  }),
  repository: OtherBucket.optional().meta({
    description: 'With restic: a bucket of your own. Default: the archive bucket',
  }),
  consistency: Consistency.optional().meta({ description: 'Default: by the volume' }),
  hooks: BackupHooks.optional().meta({ description: 'Implies consistency `hooks`. Default: by the volume' }),
  copyTo: Region.optional().meta({ description: 'Where a copy of each of its backups is made' }),
  objective: Objective.optional().meta({ description: 'Default: twice the longest gap of the schedule' }),
  description: z.string().max(1024),
} as const;

/** A policy as the API shows it. */
export const Policy = z
  .strictObject({
    id: PolicyId,
    namespace: Namespace,
    name: PolicyName,
    ...Settings,
    state: PolicyState,
    objectiveSeconds: z
      .int()
      .positive()
      .meta({ description: 'The objective in force: a volume whose newest good backup is older is overdue' }),
    nextRun: z.iso.datetime().optional().meta({ description: 'Absent while it is paused' }),
    drill: ScheduleText.optional().meta({
      description:
        'When the newest good backup of each selected volume is drilled, in the same zone; absent: never',
    }),
    drillObjectiveSeconds: z
      .int()
      .positive()
      .optional()
      .meta({ description: 'A volume of which no drill has passed for so long is overdue' }),
    nextDrill: z.iso.datetime().optional(),
    createdAt: z.iso.datetime(),
    createdBy: z.string(),
    updatedAt: z.iso.datetime(),
    revision: z.int().positive(),
  })
  .meta({ id: 'Policy' });
export type Policy = z.infer<typeof Policy>;

export const CreatePolicy = z
  .strictObject({
    name: PolicyName,
    ...Settings,
    timezone: Timezone.default('UTC'),
    retention: Retention.default({}),
    engine: Settings.engine.default('native'),
    description: Settings.description.default(''),
    drill: DrillSchedule.optional(),
  })
  .meta({ id: 'CreatePolicy' });
export type CreatePolicy = z.infer<typeof CreatePolicy>;

/** What is given is changed; `retention` as a whole. */
export const UpdatePolicy = z
  .strictObject({
    schedule: ScheduleText.optional(),
    timezone: Timezone.optional(),
    selector: Selector.optional(),
    retention: Retention.optional(),
    consistency: Settings.consistency,
    hooks: Settings.hooks,
    objective: Settings.objective,
    description: Settings.description.optional(),
    engine: Settings.engine.optional(),
    repository: OtherBucket.nullable()
      .optional()
      .meta({ description: 'null: the archive bucket, from the next run on' }),
    drill: DrillSchedule.optional(),
    copyTo: Region.nullable().optional().meta({ description: 'null: no more copies are made' }),
  })
  .refine((update) => Object.values(update).some((value) => value !== undefined), {
    error: 'give at least one setting',
  })
  .meta({ id: 'UpdatePolicy' });
export type UpdatePolicy = z.infer<typeof UpdatePolicy>;

/** What a run does with each volume: make a backup of it, or drill its newest good one. */
export const runKinds = ['backup', 'drill'] as const;
export const RunKind = z.enum(runKinds).meta({ id: 'RunKind' });
export type RunKind = z.infer<typeof RunKind>;

/** `scheduled` by its tick; `manual` somebody asked. */
export const runCauses = ['scheduled', 'manual'] as const;
/**
 * `beginning` backups are being started, page after page; `collecting` all are started, some are not done; `pruning`
 * retention is carried out; `copying` copies to another Region are under way; `succeeded` nothing failed; `failed` at least
 * one volume has no backup of this run, or no copy of it, that it should have.
 */
export const runStates = ['beginning', 'collecting', 'pruning', 'copying', 'succeeded', 'failed'] as const;
export const RunState = z.enum(runStates).meta({ id: 'RunState' });
export type RunState = z.infer<typeof RunState>;

export function isRunFinished(state: RunState): boolean {
  return state === 'succeeded' || state === 'failed';
}

const Count = z.int().min(0);
export const RunCounts = z.strictObject({
  selected: Count,
  /** Begun or waiting, not done. */
  open: Count,
  made: Count.meta({ description: 'Backups that are complete; drills that passed' }),
  failed: Count.meta({ description: 'No backup; a drill that failed or could not be tried' }),
  skipped: Count.meta({
    description: 'Nothing to back up or to drill, or another one was under way all the time',
  }),
  pruned: Count,
});
export type RunCounts = z.infer<typeof RunCounts>;

/** One run of a policy, as the API shows it. */
export const PolicyRun = z
  .strictObject({
    id: RunId,
    policyId: PolicyId,
    policy: PolicyName,
    namespace: Namespace,
    kind: RunKind.default('backup'),
    at: z.iso.datetime().meta({ description: 'The tick that it belongs to' }),
    cause: z.enum(runCauses),
    state: RunState,
    counts: RunCounts,
    caller: z.string(),
    startedAt: z.iso.datetime(),
    endedAt: z.iso.datetime().optional(),
  })
  .meta({ id: 'PolicyRun' });
export type PolicyRun = z.infer<typeof PolicyRun>;

/** What a run did about one volume. `waiting`: another backup of it is under way, or AWS takes no more calls. */
export const runVolumeStates = ['waiting', 'begun', 'made', 'failed', 'skipped'] as const;
export const RunVolume = z
  .strictObject({
    volumeId: VolumeId,
    volume: VolumeName,
    state: z.enum(runVolumeStates),
    operation: OperationId.optional(),
    backup: BackupId.optional(),
    copy: BackupId.optional().meta({ description: 'Of that backup, in another Region' }),
    reason: z.string().optional(),
  })
  .meta({ id: 'RunVolume' });
export type RunVolume = z.infer<typeof RunVolume>;

export const RuleWord = z.enum(['last', 'daily', 'weekly', 'monthly', 'yearly']);
export const ProtectionWord = z.enum(['last-good', 'in-use', 'held', 'future', 'recent-failure', 'no-rules']);

const CopyIn = z.string().optional().meta({ description: 'Of a copy: where it is' });

/** What a policy would do about one volume right now. */
export const PreviewedVolume = z
  .strictObject({
    volumeId: VolumeId,
    volume: VolumeName,
    skipped: z.string().optional().meta({ description: 'Why a run would make no backup of it' }),
    verifiedAt: z.iso
      .datetime()
      .optional()
      .meta({ description: 'When a drill of a backup of it last passed' }),
    drills: BackupId.optional().meta({ description: 'The backup that a drill would restore now' }),
    notDrilled: z.string().optional().meta({ description: 'Why there would be no drill of it' }),
    kept: z.array(
      z.strictObject({
        backup: BackupId,
        at: z.iso.datetime(),
        rules: z.array(z.strictObject({ rule: RuleWord, period: z.string() })),
        protected: z.array(ProtectionWord),
        region: CopyIn,
      }),
    ),
    pruned: z.array(z.strictObject({ backup: BackupId, at: z.iso.datetime(), region: CopyIn })),
  })
  .meta({ id: 'PreviewedVolume' });
export type PreviewedVolume = z.infer<typeof PreviewedVolume>;

/** One page of it; the next runs are on every page. */
export const PolicyPreview = z
  .strictObject({
    timezone: Timezone,
    nextRuns: z.array(z.iso.datetime()),
    nextDrills: z.array(z.iso.datetime()),
    repository: Settings.repository,
    items: z.array(PreviewedVolume),
    cursor: z.string().optional(),
  })
  .meta({ id: 'PolicyPreview' });
export type PolicyPreview = z.infer<typeof PolicyPreview>;

interface Timed {
  readonly schedule: string;
  readonly timezone: string;
}

/** The next times at which it runs, in UTC. */
export function nextTicks({ schedule, timezone }: Timed, after: Date, count: number): Date[] {
  return nextRuns(parseSchedule(schedule), timezone, { after, count });
}

/** Twice the longest gap: one may fail to come, and the next still be on time. In seconds. */
function twiceTheGap(schedule: string): number {
  return 2 * 60 * longestGap(parseSchedule(schedule));
}

/** How old a volume's newest good backup may get, in seconds: as it was set, else twice the longest gap between two runs. */
export function objectiveOf(policy: Timed & { readonly objective?: string | undefined }): number {
  return policy.objective === undefined ? twiceTheGap(policy.schedule) : parseDuration(policy.objective);
}

/** How long ago a drill of a volume's backups may last have passed, in seconds. */
export function drillObjectiveOf(drill: string): number {
  return twiceTheGap(drill);
}

const dayMs = 86_400_000;

/**
 * The tick that a delivery belongs to: the last run at or before it. A late delivery and a second one have the same.
 * Undefined where there was none in the last two days: then it is none of this schedule.
 */
export function tickOf(policy: Timed, delivered: Date): Date | undefined {
  const minute = Math.floor(delivered.getTime() / 60_000) * 60_000;
  for (const back of [3_600_000, dayMs, 2 * dayMs]) {
    const after = new Date(minute - back);
    const runs = nextTicks(policy, after, back / 60_000 + 1).filter((run) => run.getTime() <= minute);
    const last = runs.at(-1);
    if (last !== undefined) return last;
  }
  return undefined;
}

/** What tells when a policy drills. */
export interface DrillTimes {
  readonly drill?: string | undefined;
  readonly timezone: string;
  /** When it was told to: ticks before are none of it. */
  readonly drillSince?: string | undefined;
  readonly paused: boolean;
  readonly deleting: boolean;
}

/** A tick is made good for so long: nobody wants last night's drills at noon. */
const drillCatchUpMs = 6 * 3_600_000;

/** The drills' tick that is due: the last one, unless it is too long ago. However often it is asked for, it is the same. */
export function drillTickOf(policy: DrillTimes, now: Date): Date | undefined {
  const { drill, timezone, drillSince, paused, deleting } = policy;
  if (drill === undefined || drillSince === undefined || paused || deleting) return undefined;
  const tick = tickOf({ schedule: drill, timezone }, now);
  const earliest = Math.max(Date.parse(drillSince), now.getTime() - drillCatchUpMs);
  return tick === undefined || tick.getTime() < earliest ? undefined : tick;
}
