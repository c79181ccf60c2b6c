import { watchWriter, writerScript, type Writer } from '#test/support/line-writer.ts';
import type { TestHost } from './host.ts';

/**
 * Starts a container on a host that writes numbered lines to a volume of ours. Its notes are beside the volume, in the host's
 * memory, so that they can be read while the host is frozen.
 */
export async function startWriter(
  host: Pick<TestHost, 'run' | 'docker' | 'path'>,
  container: string,
  volume: string,
): Promise<Writer> {
  const notes = `/run/writers/${container}`;
  await host.run('mkdir', '-p', notes);
  await host.run('sh', '-c', `echo 0 >${notes}/acknowledged`);
  const mounts = ['-v', `${volume}:/data`, '-v', `${notes}:/notes`, '--volume-driver', 'hivemind'];
  const command = ['busybox', 'sh', '-c', writerScript, 'sh', '/data', '/notes'];
  await host.docker('run', '-d', '--name', container, ...mounts, '--network', 'none', ...command);
  return watchWriter(host.path(notes));
}
