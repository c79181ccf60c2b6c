import type { Template } from 'aws-cdk-lib/assertions';
import * as z from 'zod';

const State = z.looseObject({
  Type: z.string(),
  Next: z.string().optional(),
  End: z.boolean().optional(),
  Default: z.string().optional(),
  Choices: z.array(z.looseObject({ Next: z.string() })).optional(),
  Catch: z.array(z.looseObject({ ErrorEquals: z.array(z.string()), Next: z.string() })).optional(),
  get ItemProcessor(): z.ZodOptional<typeof Machine> {
    return Machine.optional();
  },
});
const Machine = z.looseObject({ StartAt: z.string(), States: z.record(z.string(), State) });
export type Machine = z.infer<typeof Machine>;
export type State = z.infer<typeof State>;

const Joined = z.object({ 'Fn::Join': z.tuple([z.string(), z.array(z.unknown())]) });

/** Every state machine of a template by its name; a reference to a function stands as an ARN. */
export function machinesOf(template: Template): Record<string, Machine> {
  const found = Object.values(template.findResources('AWS::StepFunctions::StateMachine'));
  return Object.fromEntries(
    found.map(({ Properties }: { Properties?: Record<string, unknown> }) => [
      String(Properties?.['StateMachineName']),
      Machine.parse(JSON.parse(textOf(Properties?.['DefinitionString']))),
    ]),
  );
}

function textOf(definition: unknown): string {
  if (typeof definition === 'string') return definition;
  const [glue, parts] = Joined.parse(definition)['Fn::Join'];
  const arn = 'arn:aws:lambda:us-east-1:123456789012:function:referenced';
  return parts.map((part) => (typeof part === 'string' ? part : arn)).join(glue);
}
