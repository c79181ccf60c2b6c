import { ProductError } from '#shared/model/errors.ts';

/**
 * Docker gives Create and Mount 2 minutes, everything else 1, and does not retry an error: the answer must come before.
 * The work goes on behind a late answer; its failure then is for the log of whoever does it.
 */
export async function withinDocker<T>(work: Promise<T>, limitMs: number, late: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new ProductError('TimedOut', late, { hint: 'The work goes on: try again in a moment.' })),
      limitMs,
    );
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}
