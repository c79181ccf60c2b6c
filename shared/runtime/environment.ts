import * as z from 'zod';
import { ProductError } from '#shared/model/errors.ts';

/**
 * The function's environment by the schema that also types its construct; called once, at cold start.
 * @throws ProductError Internal naming every variable that is missing or wrong.
 */
export function readEnvironment<S extends z.ZodType>(
  schema: S,
  variables: NodeJS.ProcessEnv = process.env,
): z.output<S> {
  const parsed = schema.safeParse(variables);
  if (parsed.success) return parsed.data;
  throw new ProductError(
    'Internal',
    `The function's environment is wrong: ${z.prettifyError(parsed.error)}`,
    {
      hint: 'Deploy the stack again.',
    },
  );
}
