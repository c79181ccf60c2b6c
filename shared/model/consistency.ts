import * as z from 'zod';

/** `none` cut as it is, as after a power loss; `freeze` the filesystem is frozen for the cut; `hooks` commands in the container before and after it as well. */
export const consistencies = ['none', 'freeze', 'hooks'] as const;
export const Consistency = z.enum(consistencies).meta({ id: 'Consistency' });
export type Consistency = z.infer<typeof Consistency>;

/** Bytes of all arguments together. */
const longestCommand = 8192;

const Command = z
  .array(z.string().min(1).max(4096))
  .min(1)
  .max(64)
  .refine((words) => words.join('').length <= longestCommand, {
    error: `must have at most ${longestCommand} characters`,
  })
  .meta({ description: 'Program and arguments; no shell unless it is named' });

/** Commands in the container that uses the volume, around a cut. Who may set them may run commands there. */
export const BackupHooks = z
  .strictObject({
    before: Command.optional(),
    after: Command.optional().meta({
      description: 'Runs whenever `before` has begun, whatever came of it and of the cut',
    }),
    container: z
      .string()
      .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/, { error: 'a container’s name or id' })
      .optional()
      .meta({ description: 'Name or id of one that uses the volume; default: the only one that does' }),
    timeoutSeconds: z.int().min(1).max(300).default(30).meta({ description: 'Of each command' }),
    onError: z.enum(['fail', 'continue']).default('fail').meta({
      description: 'What a failed command means: no backup, or a line in its report',
    }),
  })
  .refine(({ before, after }) => before !== undefined || after !== undefined, {
    error: 'give at least one of before, after',
  })
  .meta({ id: 'BackupHooks' });
export type BackupHooks = z.infer<typeof BackupHooks>;

/** Of what a command wrote, and of why it failed, the end. */
export const reportedHookOutput = 1024;

/** How a command in a container ended. */
export const HookRun = z
  .strictObject({
    when: z.enum(['before', 'after']),
    container: z.string().max(128),
    ok: z.boolean(),
    code: z.int().optional(),
    ms: z.number().min(0),
    output: z.string().max(reportedHookOutput),
    error: z.string().max(reportedHookOutput).optional(),
  })
  .meta({ id: 'HookRun' });
export type HookRun = z.infer<typeof HookRun>;

/** How backups of one volume are cut, unless a request or a policy says otherwise. */
export const VolumeBackups = z
  .strictObject({ consistency: Consistency.optional(), hooks: BackupHooks.optional() })
  .meta({ id: 'VolumeBackups' });
export type VolumeBackups = z.infer<typeof VolumeBackups>;
