import * as z from 'zod';

/**
 * What one IMDS endpoint serves: one machine. `sts.endpoint` is where AssumeRole is called; without `role` the machine
 * has no instance profile, as an EC2 instance may.
 */
export const imdsConfigSchema = z.object({
  listen: z.object({ address: z.string(), port: z.int().min(0).max(65_535) }),
  /** Written once the endpoint listens: `{"address", "port", "pid"}`. */
  readyFile: z.string().optional(),
  instance: z.object({
    instanceId: z.string(),
    instanceType: z.string(),
    availabilityZone: z.string(),
    region: z.string(),
    account: z.string(),
    privateIp: z.string(),
    startedAt: z.string(),
    tags: z.record(z.string(), z.string()),
  }),
  role: z.object({ name: z.string(), arn: z.string() }).optional(),
  sts: z.object({
    endpoint: z.string(),
    /** Length of a session in seconds; EC2's are 6 h, the emulator's role allows 1 h unless told. */
    durationSeconds: z.int().min(900).default(3600),
  }),
});

/** See {@link imdsConfigSchema}. */
export type ImdsConfig = z.infer<typeof imdsConfigSchema>;

/** The machine behind an endpoint. */
export type Machine = ImdsConfig['instance'];
