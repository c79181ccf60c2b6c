import { execFile } from 'node:child_process';
import { StorageFault } from '../errors.ts';

/** Runs a program without a shell and gives its output. @throws StorageFault with what it wrote on stderr */
export async function run(
  program: string,
  args: readonly string[],
  options: { readonly timeoutMs?: number } = {},
): Promise<string> {
  return await new Promise((resolve, reject) => {
    execFile(
      program,
      [...args],
      { timeout: options.timeoutMs ?? 60_000, maxBuffer: 16 << 20 },
      (error, stdout, stderr) => {
        if (error)
          reject(new StorageFault(`${program} ${args.join(' ')}: ${stderr.trim() || error.message}`, error));
        else resolve(stdout);
      },
    );
  });
}
