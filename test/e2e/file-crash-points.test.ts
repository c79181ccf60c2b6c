import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Kills } from './harness/backup-cast.ts';
import { BackupKillWorld } from './harness/backup-kill-world.ts';
import { joinCloud } from './harness/cloud.ts';
import { DrillKills } from './harness/drill-kills.ts';
import { FileKills } from './harness/file-kills.ts';
import { removeFolders } from './harness/folders.ts';
import type { TestHost } from './harness/host.ts';
import { allKills, killCounts, ofFiles, patience } from './harness/kill-plan.ts';

/*
 * As backup-crash-points.test.ts, of operations on files. Some hundred runs of restic need more of the machine than every run
 * has: they come with `npm run test:kills`.
 */

const cloud = joinCloud();
const world = new BackupKillWorld(cloud);
let kills: Kills;
let apart: TestHost;
let common: TestHost[];

beforeAll(async () => {
  const add = (name: string) => cloud.addHost(cloud.unique(name), { docker: false });
  apart = await add('kill-files');
  common = [await add('kill-files-a'), await add('kill-files-b')];
  kills = await allKills(cloud);
}, patience.timeout);
afterAll(async () => {
  await cloud.edge.clearFaults();
  await cloud.close();
  removeFolders();
});

test('restores of files, imports in place and reads come to their end', patience, async () => {
  const files = new FileKills({ cloud, world, kills, hosts: { apart, common } });
  await files.prepare();
  const guards = await files.refill();
  await files.readAndImport(guards);
  const some = ofFiles.filter((kind) => kind !== 'archiveDrill');
  const { happened, meant } = await killCounts(cloud, kills, some);
  expect(happened).toBe(meant);
});

test('drills of files come to their end', patience, async () => {
  const drills = new DrillKills({ cloud, world, kills: kills.archiveDrill });
  await drills.survive();
  const { happened, meant } = await killCounts(cloud, kills, ['archiveDrill']);
  expect(happened).toBe(meant);
});
