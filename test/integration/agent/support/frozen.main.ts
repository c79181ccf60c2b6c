import { spawn } from 'node:child_process';
import { withFrozen } from '#agent/freeze/freezer.ts';
import { systemFreeze } from '#agent/freeze/system.ts';
import { systemExec } from '#agent/host/exec.ts';
import { systemMounts } from '#agent/host/mounts.ts';
import { silentLog } from '#agent/log.ts';

/** Freezes a volume, starts a process that outlives this one, says its id, and waits for its own death: ROOT MOUNTPOINT. */
const [root = '', mountpoint = ''] = process.argv.slice(2);
const exec = systemExec(silentLog);
const docker = { dataRoot: () => Promise.resolve(undefined) };
const ports = systemFreeze({ root, docker, exec, mounts: systemMounts(exec), log: silentLog });
await withFrozen(ports, { mountpoint, deadlineMs: 60_000 }, async () => {
  const child = spawn('sleep', ['300'], { stdio: 'ignore', detached: true });
  process.stdout.write(`${child.pid}\n`);
  await new Promise((resolve) => process.stdin.once('data', resolve));
});
