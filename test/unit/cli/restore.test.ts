import { describe, expect, it } from 'vitest';
import { ProductError } from '#shared/model/errors.ts';
import { answer, runCli, type Answers } from './support/fake-world.ts';
import { anOperation, aVolume } from './support/values.ts';

const backup = 'bak-01J0000000000000000000000B';
const guard = 'bak-01J0000000000000000000000G';
const restored = anOperation({ kind: 'restore', backup, guard, status: 'succeeded', progress: 100 });

const there: Answers = {
  getVolume: () => aVolume(),
  restoreBackup: () => answer(202, restored),
  getOperation: () => restored,
};
const gone: Answers = {
  ...there,
  getVolume: () => {
    throw new ProductError('VolumeNotFound', 'There is no volume "db".');
  },
};
const line = (...more: string[]): string[] => ['volume', 'restore', 'db', '--backup', backup, ...more];
const sent = (calls: readonly { readonly name: string; readonly body?: unknown }[]) =>
  calls.filter(({ name }) => name === 'restoreBackup').map(({ body }) => body);

describe('hivemind volume restore', () => {
  it('onto a volume that exists asks first, and names the backup of what it held', async () => {
    const { code, out, asked, calls } = await runCli(line(), { answers: there, person: true });
    expect([code, out]).toEqual([
      0,
      `Volume db is restored from ${backup}. What it held before is kept as ${guard}.`,
    ]);
    expect(asked).toEqual([`Replace what db holds with ${backup}? What it holds now is kept.`]);
    expect(sent(calls)).toEqual([{ name: 'db', inPlace: true }]);
  });

  it('of a network volume says how to bring back what it held', async () => {
    const kept = 'vol-01J0000000000000000000000K';
    const { guard: _, ...rest } = restored;
    const operation = { ...rest, kept };
    const answers = { ...there, restoreBackup: () => answer(202, operation), getOperation: () => operation };
    const { out } = await runCli(line('--yes', '--wait'), { answers });
    expect(out).toContain(`hivemind volume undelete db --id ${kept} --as`);
  });

  it('changes nothing when the person declines', async () => {
    const { code, calls } = await runCli(line(), { answers: there, person: false });
    expect(code).toBe(1);
    expect(sent(calls)).toEqual([]);
  });

  it('in a script demands --yes of a volume that exists', async () => {
    const refused = await runCli(line(), { answers: there });
    expect([refused.code, sent(refused.calls)]).toEqual([2, []]);
    expect(refused.err).toContain('"db" exists, and would be replaced');
    const { code, calls } = await runCli(line('--yes', '--force', '--wait'), { answers: there });
    expect([code, sent(calls)]).toEqual([0, [{ name: 'db', inPlace: true, force: true }]]);
  });

  it('of a volume that is gone asks nobody', async () => {
    const { calls, asked } = await runCli(line('--no-wait'), { answers: gone, person: true });
    expect([asked, sent(calls)]).toEqual([[], [{ name: 'db' }]]);
  });
});
