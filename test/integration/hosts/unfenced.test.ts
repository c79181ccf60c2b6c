import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { attempt, run } from '#local/hosts/exec.ts';
import { mapLimit } from '#shared/model/map-limit.ts';
import { intactLines, watchWriter, writerScript, type Writer } from '#test/support/line-writer.ts';
import { until } from '#test/support/until.ts';

/*
 * The control case. Two attachments of one volume are two loop devices over one image, hence two superblocks and two
 * caches, as on two instances. Without a fence they must destroy the filesystem, and the judgement of the tests that show a
 * fence to hold must see it: if this stops failing, those tests prove nothing.
 */

let dir: string;
let image: string;
let devices: string[];
let mounted: string[];
let writers: ChildProcess[];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'hivemind-unfenced-'));
  image = join(dir, 'volume.img');
  devices = [];
  mounted = [];
  writers = [];
  await run('truncate', ['--size', '64M', image]);
  await run('mkfs.ext4', ['-q', image]);
});
afterEach(async () => {
  await stopWriters();
  await unmountAll();
  for (const device of devices) await attempt('losetup', ['--detach', device]);
  rmSync(dir, { recursive: true, force: true });
});

/** As one more host has it: a device of its own, mounted. */
async function attach(name: string): Promise<{ device: string; path: string }> {
  const device = (await run('losetup', ['--find', '--show', image])).trim();
  devices.push(device);
  const path = join(dir, name);
  mkdirSync(path);
  await run('mount', [device, path]);
  mounted.push(path);
  return { device, path };
}

async function unmountAll(): Promise<void> {
  for (const path of mounted.splice(0).toReversed())
    // A writer that was killed may still end its sync.
    await until(`${path} is unmounted`, () => run('umount', [path]).then(() => true));
}

/** The writer of the end-to-end tests, into a directory of its own. */
function startWriter(directory: string, name: string): Writer {
  const notes = join(dir, `${name}-notes`);
  mkdirSync(directory);
  mkdirSync(notes);
  writeFileSync(join(notes, 'acknowledged'), '0\n');
  // A group of its own, so that what it runs ends with it.
  writers.push(spawn('sh', ['-c', writerScript, 'sh', directory, notes], { detached: true }));
  return watchWriter(notes);
}

async function stopWriters(): Promise<void> {
  for (const writer of writers.splice(0)) {
    const ended = once(writer, 'exit');
    process.kill(-(writer.pid ?? 0), 'SIGKILL');
    await ended;
  }
}

/** Whether every line that a writer was acknowledged is there for the host that has the volume next. */
async function keepsBoth(paths: readonly [string, string]): Promise<boolean> {
  const names = ['first', 'second'] as const;
  const started = names.map((name, at) => startWriter(join(paths[at] ?? '', name), name));
  for (const writer of started)
    await until('50 lines are written, or no more', () => writer.acknowledged() >= 50 || writer.gaveUp());
  await stopWriters();
  const acknowledged = started.map((writer) => writer.acknowledged());
  expect(Math.min(...acknowledged)).toBeGreaterThan(0);
  await unmountAll();
  // What is destroyed may not be mounted any more; then nothing is found there.
  await attach('next').catch(() => undefined);
  const read = await mapLimit(names, 2, (name) => attempt('cat', [join(dir, 'next', name, 'lines')]));
  return read.every(({ stdout }, at) => intactLines(stdout, acknowledged[at] ?? 0));
}

test('two writers on two hosts without a fence lose lines that were acknowledged, and it shows', async () => {
  const [a, b] = [await attach('a'), await attach('b')];
  expect(await keepsBoth([a.path, b.path])).toBe(false);
});

test('the same two writers on one host lose nothing', async () => {
  const { path } = await attach('a');
  expect(await keepsBoth([path, path])).toBe(true);
});

test('one volume mounted on two hosts without a fence is destroyed', async () => {
  const [a, b] = [await attach('a'), await attach('b')];
  // Neither sees what the other writes: a's small files and b's large ones get the same inodes and blocks.
  const small = 'for i in $(seq 200); do echo "$2 $i" >"$1/$2-$i"; done; sync -f "$1"';
  const large = 'for i in $(seq 40); do dd if=/dev/zero of="$1/$2-$i" bs=256K count=1; done; sync -f "$1"';
  for (const { path } of [a, b]) writeFileSync(join(path, 'owner'), path);
  await attempt('sh', ['-c', small, 'sh', a.path, 'first']);
  // A host that reboots meanwhile has its metadata on the disk, not only in its journal.
  await run('umount', [a.path]);
  await run('mount', [a.device, a.path]);
  await attempt('sh', ['-c', large, 'sh', b.path, 'other']);
  await attempt('sh', ['-c', small, 'sh', a.path, 'second']);
  expect(readFileSync(join(b.path, 'owner'), 'utf8')).toBe(b.path);
  await unmountAll();
  const check = await attempt('e2fsck', ['-f', '-n', image]);
  expect(check.exitCode & 4).toBe(4);
});
