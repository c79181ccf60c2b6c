import { describe, expect, it } from 'vitest';
import type { Policy, PolicyPreview, PolicyRun } from '#shared/model/policy.ts';
import { answer, runCli } from './support/fake-world.ts';

const policy: Policy = {
  id: 'pol-01J0000000000000000000000P',
  namespace: 'default',
  name: 'nightly',
  schedule: '0 2 * * *',
  timezone: 'Europe/Berlin',
  selector: 'backup=true',
  retention: { last: 3, daily: 7 },
  engine: 'native',
  description: '',
  state: 'active',
  objectiveSeconds: 93_600,
  objective: '26h',
  nextRun: '1970-01-02T01:00:00.000Z',
  createdAt: '1970-01-01T00:00:00.000Z',
  createdBy: 'arn:aws:iam::000000000000:user/someone',
  updatedAt: '1970-01-01T00:00:00.000Z',
  revision: 4,
};
const aRun = (changes: Partial<PolicyRun> = {}): PolicyRun => ({
  id: 'run-01J0000000000000000000000P-19700101T010000000Z',
  policyId: policy.id,
  policy: 'nightly',
  namespace: 'default',
  kind: 'backup',
  at: '1970-01-01T01:00:00.000Z',
  cause: 'manual',
  state: 'beginning',
  counts: { selected: 2, open: 2, made: 0, failed: 0, skipped: 0, pruned: 0 },
  caller: 'someone',
  startedAt: '1970-01-01T01:00:00.000Z',
  ...changes,
});
const counts = { selected: 2, open: 0, made: 1, failed: 1, skipped: 0, pruned: 0 };

describe('hivemind backup policy', () => {
  it('create sends every setting as it is written', async () => {
    const line =
      'backup policy create --name nightly --timezone Europe/Berlin --selector backup=true --keep-last 3 --keep-daily 7 --keep-weekly 4 --keep-monthly 6 --keep-yearly 1 --engine native --consistency freeze --copy-to eu-west-1 --objective 26h';
    const args = [...line.split(' '), '--schedule', '0 2 * * *', '--drill', '0 4 * * 0'];
    const { code, out, calls } = await runCli(args, {
      answers: { createPolicy: () => answer(201, policy) },
    });
    expect([code, out]).toEqual([0, 'Policy nightly is active. It runs next at 1970-01-02T01:00:00.000Z.']);
    expect(calls[0]?.body).toEqual({
      name: 'nightly',
      schedule: '0 2 * * *',
      timezone: 'Europe/Berlin',
      selector: 'backup=true',
      retention: { last: 3, daily: 7, weekly: 4, monthly: 6, yearly: 1 },
      engine: 'native',
      consistency: 'freeze',
      copyTo: 'eu-west-1',
      objective: '26h',
      drill: '0 4 * * 0',
    });
  });

  it('names a bucket of one’s own for files, shows it, and drops it again', async () => {
    const repository = {
      endpoint: 'https://minio.example:9000',
      bucket: 'backups',
      region: 'us-east-1',
      credentialsSecret: 'hivemind/endpoints/minio',
    };
    const elsewhere: Policy = { ...policy, engine: 'restic', repository };
    const line =
      'backup policy create files --selector a --schedule @daily --engine restic --s3-endpoint https://minio.example:9000 --bucket backups --credentials-secret hivemind/endpoints/minio';
    const made = await runCli(line.split(' '), { answers: { createPolicy: () => answer(201, elsewhere) } });
    expect(made.calls[0]?.body).toMatchObject({ engine: 'restic', repository });

    const shown = await runCli(['backup', 'policy', 'inspect', 'files'], {
      answers: { getPolicy: () => elsewhere, listPolicyRuns: () => ({ items: [] }) },
    });
    expect(shown.out).toMatch(/Bucket: +backups at https:\/\/minio\.example:9000, keys in hivemind/);

    const dropped = await runCli('backup policy update files --s3-endpoint none'.split(' '), {
      answers: { updatePolicy: () => policy },
    });
    expect(dropped.calls[0]?.body).toEqual({ repository: null });
    const part = await runCli('backup policy update files --bucket backups'.split(' '), { answers: {} });
    expect([part.code, part.calls]).toEqual([expect.any(Number), []]);
    expect(part.err).toContain('needs all of its parts');
  });

  it('update changes one rule, drops another, and keeps the rest as it was read', async () => {
    const line = 'backup policy update nightly --keep-daily 14 --keep-last 0 --keep-weekly 4';
    const { code, calls } = await runCli(line.split(' '), {
      answers: { getPolicy: () => policy, updatePolicy: () => policy },
    });
    expect(code).toBe(0);
    expect(calls.at(-1)).toMatchObject({
      name: 'updatePolicy',
      body: { retention: { daily: 14, weekly: 4 } },
      headers: { 'if-match': '"4"' },
    });
  });

  it('ls and inspect show schedule, rules and the last runs', async () => {
    const listed = await runCli(['backup', 'policy', 'ls'], {
      answers: { listPolicies: () => ({ items: [policy] }) },
    });
    expect(listed.out).toMatch(
      /nightly +active +0 2 \* \* \* +Europe\/Berlin +backup=true +last 3, daily 7 +in 1d/,
    );
    const shown = await runCli(['backup', 'policy', 'inspect', 'nightly'], {
      answers: {
        getPolicy: () => policy,
        listPolicyRuns: () => ({ items: [aRun({ state: 'failed', counts })] }),
      },
    });
    expect(shown.out).toContain('Objective:   26h');
    expect(shown.out).toMatch(/1970-01-01 02:00 +manual +failed +2 selected, 1 made, 1 failed/);
    expect(shown.out).toMatch(/Drills: +off/);
  });

  it('inspect shows the last drill and the next', async () => {
    const drilling = {
      ...policy,
      drill: '0 4 * * 0',
      drillObjectiveSeconds: 14 * 86_400,
      nextDrill: '1970-01-04T03:00:00.000Z',
    };
    const drilled = aRun({ kind: 'drill', state: 'failed', counts });
    const { out } = await runCli(['backup', 'policy', 'inspect', 'nightly'], {
      answers: {
        getPolicy: () => drilling,
        listPolicyRuns: ({ query }) => ({ items: query?.['kind'] === 'drill' ? [drilled] : [] }),
      },
    });
    expect(out).toMatch(/Drills: +0 4 \* \* 0 \(Europe\/Berlin\), overdue after 14d/);
    expect(out).toMatch(/Last drill: +1970-01-01 02:00: failed/);
    expect(out).toMatch(/Next drill: +1970-01-04 04:00/);
    expect(out).toMatch(/DRILLS .*\n.*2 selected, 1 passed, 1 failed/);
  });

  it('run --drill asks for drills', async () => {
    const { code, calls } = await runCli(['backup', 'policy', 'run', 'nightly', '--drill'], {
      answers: { runPolicy: () => answer(202, aRun({ kind: 'drill' })) },
    });
    expect([code, calls[0]?.query]).toEqual([0, { kind: 'drill' }]);
  });

  it('pause says that the alarm goes on', async () => {
    const { out } = await runCli(['backup', 'policy', 'pause', 'nightly'], {
      answers: { pausePolicy: () => ({ ...policy, state: 'paused', nextRun: undefined }) },
    });
    expect(out).toBe(
      'Policy nightly is paused. Its alarm goes on watching: volumes get overdue while it is paused.',
    );
  });

  it('delete asks first', async () => {
    const answers = { deletePolicy: () => policy };
    const declined = await runCli(['backup', 'policy', 'delete', 'nightly'], { answers, person: false });
    expect([declined.code, declined.calls]).toEqual([1, []]);
    const { code, out } = await runCli(['backup', 'policy', 'delete', 'nightly', '-y'], { answers });
    expect([code, out]).toEqual([0, 'Policy nightly is removed. Its backups stay.']);
  });

  it('run waits where somebody sits, and names what failed', async () => {
    const states = [aRun(), aRun({ state: 'collecting' }), aRun({ state: 'failed', counts })];
    const { code, err } = await runCli(['backup', 'policy', 'run', 'nightly', '--wait'], {
      answers: {
        runPolicy: () => answer(202, aRun()),
        getPolicyRun: () => states.shift(),
        listRunVolumes: () => ({
          items: [
            {
              volumeId: 'vol-01J0000000000000000000000V',
              volume: 'db',
              state: 'failed',
              reason: 'Its host is gone.',
            },
          ],
        }),
      },
    });
    expect(code).toBe(1);
    expect(err).toContain('has failed: 2 selected, 1 made, 1 failed. db: Its host is gone.');
  });

  it('run returns at once from cron, and stops waiting at --timeout', async () => {
    const answers = { runPolicy: () => answer(202, aRun()), getPolicyRun: () => aRun() };
    const quick = await runCli(['backup', 'policy', 'run', 'nightly'], { answers });
    expect([quick.code, quick.calls.length]).toEqual([0, 1]);
    const late = await runCli(['backup', 'policy', 'run', 'nightly', '--wait', '--timeout', '1m'], {
      answers,
    });
    expect([late.code, late.took]).toEqual([6, 60_000]);
  });

  it('preview shows runs in the zone, what stays by which rule, and what goes, over all pages', async () => {
    const volume = { volumeId: 'vol-01J0000000000000000000000V', kept: [], pruned: [] };
    const kept = {
      backup: 'bak-01J0000000000000000000000B',
      at: '1970-01-01T01:00:00.000Z',
      rules: [{ rule: 'last', period: '1' } as const],
      protected: ['last-good' as const],
    };
    const pruned = { backup: 'bak-01J0000000000000000000000A', at: '1970-01-01T00:00:00.000Z' };
    const page = {
      timezone: 'Europe/Berlin',
      nextRuns: ['1970-01-02T01:00:00.000Z'],
      nextDrills: ['1970-01-04T03:00:00.000Z'],
    };
    const pages: PolicyPreview[] = [
      { ...page, items: [{ ...volume, volume: 'db', kept: [kept], pruned: [pruned] }], cursor: 'more' },
      {
        ...page,
        items: [
          { ...volume, volume: 'blank', skipped: 'it is blank', notDrilled: 'it has no good backup' },
          { ...volume, volume: 'next', drills: pruned.backup, verifiedAt: '1970-01-01T01:00:00.000Z' },
        ],
      },
    ];
    const { out } = await runCli(['backup', 'policy', 'preview', 'nightly'], {
      answers: { previewPolicy: () => pages.shift() },
    });
    expect(out.split('\n')).toEqual([
      'Next runs (Europe/Berlin):',
      '  1970-01-02 02:00',
      '',
      'Next drills (Europe/Berlin):',
      '  1970-01-04 04:00',
      '',
      'It selects 3 volumes:',
      '  db',
      '    keep   bak-01J0000000000000000000000B  1970-01-01 02:00  last 1, last-good',
      '    prune  bak-01J0000000000000000000000A  1970-01-01 01:00',
      '  blank: no backup is made, it is blank',
      '    no drill, it has no good backup; never verified',
      '  next',
      '    drills bak-01J0000000000000000000000A; verified 1970-01-01 02:00',
    ]);
  });
});
