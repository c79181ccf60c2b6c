import { describe, expect, it } from 'vitest';
import { answer, runCli } from './support/fake-world.ts';
import { anOperation } from './support/values.ts';

/** The body of the call that a command line makes. */
async function bodyOf(...flags: string[]): Promise<unknown> {
  const { calls } = await runCli(['volume', 'backup', 'db', '--no-wait', ...flags], {
    answers: { createBackup: () => answer(202, anOperation()) },
  });
  return calls.find(({ name }) => name === 'createBackup')?.body;
}

describe('how a backup is cut', () => {
  it('is not said where nothing is given: the API has the defaults', async () => {
    expect(await bodyOf()).toEqual({});
  });

  it('by a text is a command for sh -c, by a JSON array program and arguments', async () => {
    expect(await bodyOf('--pre-hook', 'redis-cli save')).toEqual({
      hooks: { before: ['sh', '-c', 'redis-cli save'], timeoutSeconds: 30, onError: 'fail' },
    });
    const flags = ['--hook-timeout', '2m', '--hook-on-error', 'continue', '--hook-container', 'pg'];
    const post = ['--consistency', 'hooks', '--post-hook', '["psql", "-c", "SELECT 1"]'];
    expect(await bodyOf(...post, ...flags)).toEqual({
      consistency: 'hooks',
      hooks: { after: ['psql', '-c', 'SELECT 1'], container: 'pg', timeoutSeconds: 120, onError: 'continue' },
    });
  });

  it.each([
    ['settings without a hook', ['--hook-container', 'db']],
    ['an array that is none of texts', ['--pre-hook', '["sleep", 1]']],
    ['an array that does not end', ['--post-hook', '["sync"']],
    ['a time-out that is no duration', ['--pre-hook', 'sync', '--hook-timeout', 'long']],
  ])('is refused for %s, before anything is asked', async (_what, flags) => {
    const { code, calls } = await runCli(['volume', 'backup', 'db', ...flags]);
    expect([code, calls]).toEqual([2, []]);
  });
});
