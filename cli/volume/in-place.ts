import type { Operation } from '#shared/model/operation.ts';
import type { Context } from '../context.ts';
import { consent } from './consent.ts';

interface Replacing {
  readonly name: string;
  /** What it is restored from. */
  readonly source: string;
  readonly yes: boolean;
}

/** Of a volume that is there: a script must say that it means it. */
export function consentToReplace({ world }: Context, { name, source, yes }: Replacing): Promise<void> {
  return consent(world, {
    question: `Replace what ${name} holds with ${source}? What it holds now is kept.`,
    yes,
    needed: true,
    because: `"${name}" exists, and would be replaced`,
  });
}

/** How to get at what was replaced, as a sentence to append; nothing where nothing was. */
export function whereOldContentIs({ guard, kept, volume }: Operation): string {
  if (guard !== undefined) return ` What it held before is kept as ${guard}.`;
  if (kept === undefined) return '';
  return ` What it held before can be brought back: hivemind volume undelete ${volume} --id ${kept} --as OTHER-NAME`;
}
