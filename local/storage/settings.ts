import * as z from 'zod';

const ms = (value: number) => z.number().int().min(0).default(value);

/** How the service behaves where AWS has a number of its own; all settable for tests. Times in ms. */
export const settingsSchema = z.object({
  account: z.string().default('000000000000'),
  /** The Region of a call that carries no signature. */
  region: z.string().default('us-east-1'),
  /** Size of the file system that holds every volume and snapshot; sparse, so it costs what is used. */
  diskGib: z.number().int().min(1).default(512),
  latency: z
    .object({
      createVolume: ms(300),
      deleteVolume: ms(300),
      attach: ms(300),
      detach: ms(200),
      busyPoll: ms(100),
      modify: ms(300),
      optimize: ms(300),
      snapshot: ms(500),
      copySnapshot: ms(500),
      instance: ms(300),
      fileSystem: ms(200),
      mountTarget: ms(200),
      accessPoint: ms(100),
      backup: ms(300),
      restore: ms(300),
    })
    .prefault({}),
  limits: z
    .object({
      snapshotSpacingMs: ms(15_000),
      snapshotsPerVolume: z.number().int().default(5),
      snapshotCopies: z.number().int().default(20),
      modificationsPerDay: z.number().int().default(4),
      accessPoints: z.number().int().default(10_000),
      /** Page size of EC2's describe calls when none is asked for. */
      pageSize: z.number().int().default(1000),
    })
    .prefault({}),
  /** Where PutEvents goes, e.g. the emulator's address; none: events are dropped. */
  eventsEndpoint: z.string().optional(),
});

export type Settings = z.infer<typeof settingsSchema>;
export type SettingsInput = z.input<typeof settingsSchema>;
