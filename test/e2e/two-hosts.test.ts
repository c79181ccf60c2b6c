import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { intactLines } from '#test/support/line-writer.ts';
import { until } from '#test/support/until.ts';
import type { Volume } from '#shared/model/volume.ts';
import { joinCloud } from './harness/cloud.ts';
import type { TestHost } from './harness/host.ts';
import { startWriter } from './harness/writer.ts';

/** Rescheduling, and the unfriendly ways in which a host can leave. Contract 3: one writer. */
const cloud = joinCloud();
let a: TestHost;
let b: TestHost;

beforeAll(async () => {
  a = await cloud.addHost('two-a');
  b = await cloud.addHost('two-b');
});

// A test that failed half way leaves a host stopped, frozen or cut off: the next one finds both well.
afterEach(async () => {
  await cloud.edge.clearFaults();
  for (const host of [a, b]) {
    await host.thaw();
    await host.revive();
    await host.partition('none');
  }
});

afterAll(() => cloud.close());

const holdersOf = async (volume: string): Promise<string[]> =>
  (await cloud.hivemindJson<Volume>('volume', 'inspect', volume)).attachments?.map(({ host }) => host) ?? [];

async function newVolume(label: string): Promise<string> {
  const name = cloud.unique(label);
  await cloud.hivemind('volume', 'create', name, '--size', '1G');
  return name;
}

/** What mounting a volume on a host is answered with. */
async function refusal(host: TestHost, volume: string): Promise<string> {
  const mount = ['run', '--rm', '-v', `${volume}:/data`, '--volume-driver', 'hivemind', '--network', 'none'];
  const { exitCode, stderr } = await host.attempt(['docker', ...mount, 'busybox', 'true']);
  expect(exitCode).not.toBe(0);
  return stderr;
}

test('a container that is removed here and started there finds its data', async () => {
  const volume = await newVolume('moves');
  await a.once(volume, 'sh', '-c', 'echo from a >/data/x');
  expect(await b.once(volume, 'cat', '/data/x')).toBe('from a');
  await b.once(volume, 'sh', '-c', 'echo from b >>/data/x');
  expect(await a.once(volume, 'cat', '/data/x')).toBe('from a\nfrom b');
  await a.docker('volume', 'rm', volume);
});

test('while a container uses it here, it is busy there, and the answer names the holder', async () => {
  const volume = await newVolume('busy');
  await a.container(volume, volume, 'sleep', '3600');
  expect(await refusal(b, volume)).toContain(a.instanceId);
  const { exitCode } = await cloud.attemptHivemind(['volume', 'delete', volume, '-y']);
  expect(exitCode).toBe(4);
  await a.docker('rm', '-f', volume);
  await b.once(volume, 'true');
  await b.docker('volume', 'rm', volume);
});

test('an umount that succeeds while a container still writes frees nothing', async () => {
  const volume = await newVolume('umounted');
  const writer = await startWriter(a, volume, volume);
  await writer.more(5);
  const ours = a.mounts().flatMap((line) => (line.startsWith('/dev/loop') ? (line.split(' ')[1] ?? []) : []));
  expect(ours.length).toBeGreaterThan(0);
  for (const path of ours.toReversed()) await a.run('umount', path);
  await writer.more(5);
  expect(await refusal(b, volume)).toContain(a.instanceId);
  await writer.more(5);
  const synced = writer.acknowledged();
  await a.docker('rm', '-f', volume);
  expect(intactLines(await b.once(volume, 'cat', '/data/lines'), synced)).toBe(true);
  await b.docker('volume', 'rm', volume);
});

test('a frozen host keeps its volume; stopped, it loses it; thawed, it writes, mounts and reports nothing', async () => {
  const volume = await newVolume('frozen');
  const writer = await startWriter(a, volume, volume);
  await writer.more(20);
  await a.freeze();
  expect(await refusal(b, volume)).toContain(a.instanceId);
  const synced = writer.acknowledged();
  await a.stop();
  expect(intactLines(await b.once(volume, 'cat', '/data/lines'), synced)).toBe(true);
  await b.container(volume, volume, 'sleep', '3600');
  const before = await b.docker('exec', volume, 'sha256sum', '/data/lines');
  const { id } = await cloud.hivemindJson<Volume>('volume', 'inspect', volume);
  const calls = (await cloud.edge.calls()).at(-1)?.seq ?? 0;
  await a.thaw();
  await writer.failed();
  expect(writer.acknowledged()).toBeLessThanOrEqual(synced + 1);
  await until('the agent that came back has learned that it lost the volume', () =>
    a.mounts().every((line) => !line.includes(volume)),
  );
  expect(await refusal(a, volume)).toContain(b.instanceId);
  const ofA = (await cloud.edge.calls(calls)).filter(
    ({ service, principalArn }) => service === 'execute-api' && principalArn?.endsWith(a.instanceId),
  );
  expect(ofA).not.toEqual([]);
  expect(ofA.filter(({ status }) => (status ?? 0) >= 500)).toEqual([]);
  // It holds nothing any more: whatever it says of the volume is said under an epoch that is over.
  const ofAttachment = ofA.filter(({ action }) => action.includes(`/v1/host/attachments/${id}/`));
  expect(ofAttachment.filter(({ status }) => (status ?? 0) < 400)).toEqual([]);
  expect(await holdersOf(volume)).toEqual([b.instanceId]);
  expect(await b.docker('exec', volume, 'sha256sum', '/data/lines')).toBe(before);
  await b.docker('rm', '-f', volume);
  await b.docker('volume', 'rm', volume);
  await a.start();
});

test('a power cut costs nothing that was synced, and the host serves the volume again', async () => {
  const volume = await newVolume('cut');
  const writer = await startWriter(a, volume, volume);
  await writer.more(20);
  await a.freeze();
  const synced = writer.acknowledged();
  await a.cut();
  await a.start();
  expect(intactLines(await a.once(volume, 'cat', '/data/lines'), synced)).toBe(true);
  await a.docker('rm', '-f', volume);
  await a.docker('volume', 'rm', volume);
});

test('a host that is cut off serves what it has mounted and mounts nothing new', async () => {
  const volume = await newVolume('apart');
  const other = await newVolume('new');
  const writer = await startWriter(a, volume, volume);
  await a.partition('link');
  try {
    await writer.more(20);
    expect(await refusal(b, volume)).toContain(a.instanceId);
    await refusal(a, other);
  } finally {
    await a.partition('none');
  }
  await writer.more(5);
  await until('the host mounts again', async () => (await a.once(other, 'echo', 'ok')) === 'ok');
  for (const name of [volume, other]) {
    await a.attempt(['docker', 'rm', '-f', name]);
    await a.docker('volume', 'rm', name);
  }
});

test('a host that boots between the check and the detach cannot take its volume back', async () => {
  const volume = await newVolume('boots');
  const writer = await startWriter(a, volume, volume);
  await writer.more(10);
  await a.freeze();
  const synced = writer.acknowledged();
  await a.stop();
  const { storage } = await cloud.hivemindJson<Volume>('volume', 'inspect', volume);
  const about = storage?.kind === 'ebs' ? storage.volumeId : '';
  await cloud.edge.setFaults([
    { id: 'slow', service: 'ec2', action: 'DetachVolume', about, kind: 'latency', ms: 8000, times: 1 },
  ]);
  const taken = b.container(volume, volume, 'sleep', '3600');
  await until('the detach is under way', async () => (await cloud.edge.faultStatus())[0]?.injected === 1);
  await a.start();
  await taken;
  expect(a.mounts().filter((line) => line.includes(' /var/lib/hivemind/'))).toEqual([]);
  expect(await refusal(a, volume)).toContain(b.instanceId);
  expect(await holdersOf(volume)).toEqual([b.instanceId]);
  expect(intactLines(await b.docker('exec', volume, 'cat', '/data/lines'), synced)).toBe(true);
  await b.docker('rm', '-f', volume);
  await b.docker('volume', 'rm', volume);
});
