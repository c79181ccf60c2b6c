import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fc } from '@fast-check/vitest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { mapLimit } from '#shared/model/map-limit.ts';
import { keep, type Retention } from '#shared/model/retention.ts';

/*
 * Our rules beside those of the real restic, over the same snapshots. restic counts days by the clock of the machine that
 * made a snapshot, so each zone's snapshots are made under that TZ, as a host of their own in one repository.
 */

/** Fixed, so that a failure comes back; another one is as good. */
const seed = 20261125;
const perZone = 24;

const Snapshots = z.array(z.object({ id: z.string(), time: z.string() }));
const Forgotten = z.tuple([z.object({ keep: Snapshots, remove: Snapshots.nullable() })]);
type Snapshot = z.infer<typeof Snapshots>[number];

/** Dates on the wall that matter in a zone: the first and last minutes of days on which its clocks change. */
const zones: Readonly<Record<string, readonly string[]>> = {
  UTC: ['2024-12-29 23:59:59', '2024-12-30 00:00:00', '2026-12-31 23:59:59', '2027-01-01 00:00:00'],
  'Europe/Berlin': [
    '2026-03-29 00:00:00',
    '2026-03-29 23:59:59',
    '2026-10-25 00:00:00',
    '2026-10-25 23:59:59',
  ],
  'America/Santiago': [
    '2026-09-05 23:59:59',
    '2026-09-06 01:00:00',
    '2026-04-04 22:30:00',
    '2026-04-05 00:00:00',
  ],
};

const restic = promisify(execFile);
let folder: string;

async function run(timezone: string, ...args: string[]): Promise<string> {
  const env = {
    PATH: process.env['PATH'],
    TZ: timezone,
    RESTIC_PASSWORD: 'test',
    RESTIC_REPOSITORY: join(folder, 'repo'),
  };
  const { stdout } = await restic('restic', ['--no-cache', ...args], {
    cwd: folder,
    env,
    maxBuffer: 2 ** 24,
  });
  return stdout;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hivemind-restic-'));
  await writeFile(join(folder, 'file'), 'content');
  await run('UTC', 'init', '--quiet');
  const snapshots = Object.entries(zones).flatMap(([timezone, edges]) =>
    [...edges, ...randomDates(perZone - edges.length)].map((time) => ({ timezone, time })),
  );
  await mapLimit(snapshots, 2, ({ timezone, time }) =>
    run(timezone, 'backup', '--quiet', '--host', timezone, '--time', time, 'file'),
  );
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Half of them within two weeks, so that days are shared; the others over four years, with gaps. */
function randomDates(count: number): string[] {
  const minutes = fc.oneof(fc.integer({ min: 0, max: 14 * 1440 }), fc.integer({ min: -1400 * 1440, max: 0 }));
  return fc
    .sample(minutes, { seed, numRuns: count })
    .map((past) => new Date(Date.UTC(2026, 10, 10) + past * 60_000).toISOString())
    .map((time) => `${time.slice(0, 10)} ${time.slice(11, 19)}`);
}

const count = fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined });
const rulesToCompare: Retention[] = [
  { last: 3, daily: 7, weekly: 4, monthly: 6, yearly: 1 },
  { daily: 5 },
  { weekly: 5 },
  { monthly: 7 },
  { yearly: 2 },
  ...fc.sample(
    fc
      .record({ last: count, daily: count, weekly: count, monthly: count, yearly: count })
      .filter((rules) => Object.values(rules).some((value) => value !== undefined)),
    { seed, numRuns: 5 },
  ),
];

describe.each(Object.keys(zones))('in %s', (timezone) => {
  it.each(rulesToCompare)('keeps and prunes what restic does with %j', async (rules) => {
    const flags = Object.entries(rules).flatMap(([name, value]) =>
      value === undefined ? [] : [`--keep-${name}`, String(value)],
    );
    const answer = await run(timezone, 'forget', '--dry-run', '--json', '--host', timezone, ...flags);
    const [{ keep: kept, remove }] = Forgotten.parse(JSON.parse(answer));
    const all = [...kept, ...(remove ?? [])];
    expect(all).toHaveLength(perZone);
    const backups = all.map(({ id, time }) => ({ id, cutAt: time, good: true, inUse: false, held: false }));
    const plan = keep(backups, rules, { timezone, now: new Date('2030-01-01T00:00:00Z') });
    const byRule = [...plan.kept].filter(([, by]) => by.length > 0).map(([id]) => id);
    expect(byRule.toSorted()).toEqual(withoutOldest({ kept, all, byRule }).toSorted());
  });
});

/** Newer releases of restic keep the oldest snapshot as well while a rule has places left; ours do not (retention.ts). */
function withoutOldest({
  kept,
  all,
  byRule,
}: {
  kept: Snapshot[];
  all: Snapshot[];
  byRule: string[];
}): string[] {
  const oldest = all.toSorted((a, b) => Date.parse(a.time) - Date.parse(b.time))[0]?.id;
  return kept.map(({ id }) => id).filter((id) => id !== oldest || byRule.includes(id));
}
