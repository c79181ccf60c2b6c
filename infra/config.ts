import type { Node } from 'constructs';
import * as z from 'zod';
import { Region } from '#shared/model/names.ts';
import { ConfigurationError } from './errors.ts';

/** An array, or text with commas as `-c` gives it. */
const list = <T extends z.ZodType>(item: T) =>
  z.preprocess(
    (given) => (typeof given === 'string' ? given.split(',').map((part) => part.trim()) : given),
    z.array(item).min(1),
  );

/** An object, or `REGION=VALUE,REGION=VALUE` as `-c` gives it. */
const byRegion = z
  .preprocess(
    (given) =>
      typeof given === 'string'
        ? Object.fromEntries(given.split(',').map((pair) => pair.trim().split(/=(.*)/).slice(0, 2)))
        : given,
    z.record(z.string(), z.string()),
  )
  .superRefine((given, context) => {
    for (const region of Object.keys(given)) {
      const named = Region.safeParse(region);
      if (!named.success)
        context.addIssue({ code: 'custom', path: [region], message: z.prettifyError(named.error) });
    }
  });

const keys = byRegion.superRefine((given, context) => {
  for (const [region, arn] of Object.entries(given)) {
    if (new RegExp(`^arn:aws[-a-z]*:kms:${region}:\\d{12}:key/[-a-zA-Z0-9]+$`).test(arn)) continue;
    const message = `the ARN of a KMS key in ${region}, such as arn:aws:kms:${region}:123456789012:key/…; not "${arn}"`;
    context.addIssue({ code: 'custom', path: [region], message });
  }
});

/** AWS Backup's own rule of names. */
const vaults = byRegion.superRefine((given, context) => {
  for (const [region, name] of Object.entries(given))
    if (!/^[-_a-zA-Z0-9]{2,50}$/.test(name))
      context.addIssue({
        code: 'custom',
        path: [region],
        message: `the name of a backup vault in ${region}: letters, digits, - and _; not "${name}"`,
      });
});

/**
 * What a deployer may choose, each as CDK context `hivemind:<name>` in cdk.json or `-c hivemind:<name>=<value>`.
 * docs/administration_guide.md has the table for people.
 */
const Config = z.strictObject({
  /** An existing VPC for the EFS mount targets; without it one is made, with no NAT gateway. */
  vpcId: z
    .string()
    .regex(/^vpc-[0-9a-f]{8,40}$/, 'a VPC id such as vpc-0123456789abcdef0')
    .optional(),
  /** Its subnets, one in each availability zone that hosts run in. */
  subnetIds: list(
    z.string().regex(/^subnet-[0-9a-f]{8,40}$/, 'subnet ids such as subnet-0123456789abcdef0'),
  ).optional(),
  /** Hours between a delete and the freeing of the storage. */
  undoWindowHours: z.coerce.number().positive().default(24),
  /** Seconds between two syncs of an agent that nothing wakes. */
  pollSeconds: z.coerce.number().int().min(5).max(3600).default(60),
  /** Who is told of alarms; the subscription is confirmed from the mailbox. */
  alarmEmail: z.email().optional(),
  /** Where the runbook is published; each alarm links to its section. */
  runbookUrl: z
    .url()
    .default('https://github.com/hivemind-volumes/hivemind-volumes/blob/main/docs/runbook.md'),
  /** Regions that backups may be copied to, each with the KMS key that copies there are under. */
  copyKeys: keys.default({}),
  /** Of those: the vault of AWS Backup that copies of recovery points go to, by name. */
  copyVaults: vaults.default({}),
  /** Architectures whose Node.js runtime goes into the agent's package. Default: the deployer's own, on Linux. */
  hostArchitectures: list(z.enum(['x64', 'arm64'])).optional(),
});
export type Config = z.infer<typeof Config>;
/** What a deployer may set, without the `hivemind:` in front. */
export const parameterNames = Object.keys(Config.shape);

/** @throws ConfigurationError when a context value is not allowed, or a VPC comes without subnets. */
export function readConfig(node: Node): Config {
  const given = parameterNames.flatMap((name) => {
    const value: unknown = node.tryGetContext(`hivemind:${name}`);
    return value === undefined ? [] : [[name, value] as const];
  });
  const parsed = Config.safeParse(Object.fromEntries(given));
  if (!parsed.success)
    throw new ConfigurationError(`Context hivemind:… is not usable.\n${z.prettifyError(parsed.error)}`);
  const { vpcId, subnetIds, copyKeys, copyVaults } = parsed.data;
  const keyless = Object.keys(copyVaults).filter((region) => copyKeys[region] === undefined);
  if (keyless.length > 0)
    throw new ConfigurationError(
      `hivemind:copyVaults names ${keyless.join(', ')}, which hivemind:copyKeys does not: give the vault's key there.`,
    );
  if ((vpcId === undefined) !== (subnetIds === undefined))
    throw new ConfigurationError('hivemind:vpcId and hivemind:subnetIds go together: give both or neither.');
  return parsed.data;
}
