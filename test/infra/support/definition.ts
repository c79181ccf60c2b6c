import * as z from 'zod';
import type { Resource } from './synth.ts';

export const State = z.looseObject({
  Type: z.string(),
  Next: z.string().optional(),
  TimeoutSeconds: z.number().optional(),
  SecondsPath: z.string().optional(),
  Retry: z.array(z.looseObject({ ErrorEquals: z.array(z.string()), MaxAttempts: z.number() })).optional(),
  Catch: z.array(z.looseObject({ ErrorEquals: z.array(z.string()), Next: z.string() })).optional(),
  Choices: z
    .array(z.looseObject({ Variable: z.string(), StringEquals: z.string(), Next: z.string() }))
    .optional(),
  Default: z.string().optional(),
});
export type State = z.infer<typeof State>;
const Definition = z.looseObject({
  StartAt: z.string(),
  TimeoutSeconds: z.number(),
  States: z.record(z.string(), State),
});
export type Definition = z.infer<typeof Definition>;

/** The definition of a state machine with a plausible ARN in place of each reference. */
export function definitionOf(machine: Resource | undefined): Definition {
  const Joined = z.object({ 'Fn::Join': z.tuple([z.string(), z.array(z.unknown())]) });
  const [glue, parts] = Joined.parse(machine?.Properties['DefinitionString'])['Fn::Join'];
  const arn = 'arn:aws:lambda:us-east-1:123456789012:function:worker';
  const text = parts.map((part) => (typeof part === 'string' ? part : 'Ref' in Object(part) ? 'aws' : arn));
  return Definition.parse(JSON.parse(text.join(glue)));
}
