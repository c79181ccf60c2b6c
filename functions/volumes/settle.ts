import { setTimeout as delay } from 'node:timers/promises';
import { isProductError } from '#shared/model/errors.ts';

const maxTries = 6;

/**
 * Runs a use case again, from its reads on, when it lost a race: a lost race is decided anew, never forced through.
 * @throws ProductError Conflict when it keeps losing.
 */
export async function settle<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (tries >= maxTries || !isProductError(error, 'Conflict')) throw error;
      await delay(Math.random() * 10 * 2 ** tries);
    }
  }
}
