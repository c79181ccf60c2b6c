import * as z from 'zod';
import { Region } from './names.ts';

/**
 * The environment of each function: types the `environment` of its construct and is parsed at cold start.
 * AWS_SDK_UA_APP_ID names the function in each AWS call's User-Agent, so that CloudTrail tells who called.
 */
const Common = z.object({
  TABLE_NAME: z.string().min(1),
  POWERTOOLS_SERVICE_NAME: z.string().min(1),
  POWERTOOLS_METRICS_NAMESPACE: z.string().min(1),
  AWS_SDK_UA_APP_ID: z.string().min(1).max(50),
});

const Starter = { STATE_MACHINE_ARN: z.string().min(1) };
/** The state machine of policies' runs. */
const RunStarter = { RUN_MACHINE_ARN: z.string().min(1) };
/** What makes and changes policies' schedules and alarms. */
const PolicyKeeper = {
  SCHEDULE_GROUP: z.string().min(1),
  TICK_FUNCTION_ARN: z.string().min(1),
  SCHEDULE_ROLE_ARN: z.string().min(1),
  TICK_DEAD_LETTERS_ARN: z.string().min(1),
  ALARM_TOPIC_ARN: z.string().min(1),
  RUNBOOK_URL: z.string().min(1),
};
/** Hosts' queues are called this plus the host's id. */
const Waker = { QUEUE_PREFIX: z.string().min(1) };

const json = <T extends z.ZodType>(schema: T) =>
  z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        context.addIssue({ code: 'custom', message: 'must be JSON' });
        return z.NEVER;
      }
    })
    .pipe(schema);
/** The vault of AWS Backup in each other Region that recovery points may be copied to, by name. */
const CopyVaults = { COPY_VAULTS: json(z.record(Region, z.string().min(1))) };
/** Other Regions that backups may be copied to. */
const Copies = { COPY_REGIONS: json(z.array(Region)), ...CopyVaults };
/** With the ARN of the key of each. */
const CopyKeys = { COPY_KEYS: json(z.record(Region, z.string().min(1))) };

/** Where archives go. */
const Archives = { ARCHIVE_BUCKET_NAME: z.string().min(1) };

export const VolumesApiEnvironment = Common.extend({
  ...Starter,
  ...Waker,
  /** Hours between delete and the freeing of storage. */
  UNDO_WINDOW_HOURS: z.coerce.number().positive(),
  FILE_SYSTEM_ID: z.string().min(1),
});

export const HostsApiEnvironment = VolumesApiEnvironment.extend({
  /** Unique id (AROA…) of the one role that hosts assume. */
  HOST_ROLE_ID: z.string().min(1),
  POLL_SECONDS: z.coerce.number().int().positive(),
  ...Archives,
  /** Of the archive bucket and of passwords. */
  DATA_KEY_ARN: z.string().min(1),
  /** What hosts get for a task on a repository is a session of one of these. */
  REPOSITORY_ROLE_ARN: z.string().min(1),
  REPOSITORY_KEEPER_ROLE_ARN: z.string().min(1),
});

export const BackupsApiEnvironment = VolumesApiEnvironment.extend({
  ...RunStarter,
  ...PolicyKeeper,
  ...Archives,
  ...Copies,
});

/** Begins the run of a policy's tick. */
export const PolicyTickEnvironment = Common.extend({ ...RunStarter });
/** Carries a run out, step by step. */
export const PolicyRunEnvironment = VolumesApiEnvironment.extend({ ...Copies });
/** Counts what is overdue, makes policies' schedules and alarms good, and begins drills that are due. */
export const WatchBackupsEnvironment = Common.extend({ ...PolicyKeeper, ...RunStarter });

/** Recovery points of the shared file system. */
const Recovery = {
  BACKUP_VAULT_NAME: z.string().min(1),
  /** That AWS Backup works under. */
  BACKUP_ROLE_ARN: z.string().min(1),
  FILE_SYSTEM_ARN: z.string().min(1),
};

/** Makes and removes backups. */
export const BackupWorkerEnvironment = Common.extend({
  ...Waker,
  ...Recovery,
  ...Archives,
  ...CopyKeys,
  ...CopyVaults,
  VOLUME_KEY_ARN: z.string().min(1),
});

export const EbsWorkerEnvironment = Common.extend({
  ...Waker,
  ...Archives,
  VOLUME_KEY_ARN: z.string().min(1),
  UNDO_WINDOW_HOURS: z.coerce.number().positive(),
});
export const EfsWorkerEnvironment = Common.extend({
  ...Waker,
  ...Archives,
  ...Recovery,
  FILE_SYSTEM_ID: z.string().min(1),
  UNDO_WINDOW_HOURS: z.coerce.number().positive(),
});
export const SweeperEnvironment = Common.extend({
  ...Archives,
  ...Starter,
  ...RunStarter,
  ...Waker,
  ...Copies,
  BACKUP_VAULT_NAME: Recovery.BACKUP_VAULT_NAME,
  FILE_SYSTEM_ARN: Recovery.FILE_SYSTEM_ARN,
  FILE_SYSTEM_ID: z.string().min(1),
});
export const HostEventsEnvironment = Common.extend({ ...Waker, IDEMPOTENCY_TABLE_NAME: z.string().min(1) });

/** Every function: name (also its folder's), entry and environment. infra makes one construct of each. */
export const functions = {
  'volumes-api': { entry: 'functions/volumes/volumes-api.handler.ts', environment: VolumesApiEnvironment },
  'hosts-api': { entry: 'functions/hosts/hosts-api.handler.ts', environment: HostsApiEnvironment },
  'ebs-worker': { entry: 'functions/volumes/ebs-worker.handler.ts', environment: EbsWorkerEnvironment },
  'efs-worker': { entry: 'functions/volumes/efs-worker.handler.ts', environment: EfsWorkerEnvironment },
  'backups-api': { entry: 'functions/backups/backups-api.handler.ts', environment: BackupsApiEnvironment },
  'backup-worker': {
    entry: 'functions/backups/backup-worker.handler.ts',
    environment: BackupWorkerEnvironment,
  },
  'policy-tick': { entry: 'functions/policies/policy-tick.handler.ts', environment: PolicyTickEnvironment },
  'policy-run': { entry: 'functions/policies/policy-run.handler.ts', environment: PolicyRunEnvironment },
  'watch-backups': {
    entry: 'functions/policies/watch-backups.handler.ts',
    environment: WatchBackupsEnvironment,
  },
  sweeper: { entry: 'functions/volumes/sweeper.handler.ts', environment: SweeperEnvironment },
  'host-events': { entry: 'functions/hosts/host-events.handler.ts', environment: HostEventsEnvironment },
} as const;
export type FunctionName = keyof typeof functions;
