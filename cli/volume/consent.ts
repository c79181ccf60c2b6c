import { ProductError } from '#shared/model/errors.ts';
import type { World } from '../world.ts';

interface Consent {
  readonly question: string;
  readonly yes: boolean;
  /** Off a terminal nobody can be asked: `needed` demands --yes there, else the command goes on. */
  readonly needed: boolean;
  /** Why it is needed. @default This cannot be undone */
  readonly because?: string;
}

/**
 * Asks before a dangerous step. Declining is a failure (exit 1), so that a script after it stops.
 * @throws ProductError
 */
export async function consent({ terminal }: World, asking: Consent): Promise<void> {
  const { question, yes, needed, because = 'This cannot be undone' } = asking;
  if (yes) return;
  if (terminal.asks) {
    if (await terminal.confirm(question)) return;
    throw new ProductError('Unavailable', 'Declined: nothing was changed.');
  }
  if (!needed) return;
  throw new ProductError('InvalidInput', `${because}, and nobody can be asked here.`, {
    hint: 'Give --yes if you mean it.',
  });
}
