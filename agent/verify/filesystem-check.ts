import type { FilesystemType } from '#shared/model/volume.ts';
import { reportedOutput } from '#shared/model/verify.ts';
import type { Exec } from '#agent/host/exec.ts';

const timeoutMs = 6 * 3_600_000;
const anyCode = Array.from({ length: 256 }, (_, code) => code);

/** The filesystem's own check, which changes nothing; the journal must have been replayed before. */
export async function checkFilesystem(
  exec: Exec,
  device: string,
  type: FilesystemType,
): Promise<{ clean: boolean; output: string }> {
  const file = type === 'ext4' ? 'e2fsck' : 'xfs_repair';
  const args = type === 'ext4' ? ['-f', '-n', device] : ['-n', device];
  const { code, stdout, stderr } = await exec.run(file, args, { timeoutMs, accept: anyCode });
  const output = [stdout.trim(), stderr.trim()].filter((text) => text !== '').join('\n');
  return { clean: code === 0, output: output.slice(-reportedOutput) };
}
