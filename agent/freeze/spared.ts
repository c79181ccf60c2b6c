import { stat } from 'node:fs/promises';
import { mapLimit } from '#shared/model/map-limit.ts';
import { deviceNumber } from '#agent/host/blocks.ts';
import type { DockerCommands } from '#agent/host/docker-exec.ts';
import type { Spared } from './freezable.ts';

export interface SparedPorts {
  /** The agent's state folder. */
  readonly root: string;
  readonly docker: Pick<DockerCommands, 'dataRoot'>;
}

/** Looked up at each freeze: Docker may have moved since. A path that is not there spares nothing. */
export async function sparedFilesystems({ root, docker }: SparedPorts): Promise<Spared[]> {
  const reported = await docker.dataRoot();
  const paths = [
    { what: "this host's root (/)", path: '/' },
    ...['/var/lib/docker', '/var/lib/containerd', ...(reported === undefined ? [] : [reported])].map(
      (path) => ({ what: `Docker (${path})`, path }),
    ),
    { what: `the agent's state (${root})`, path: root },
    ...[process.execPath, ...process.argv.slice(1, 2)].map((path) => ({
      what: `the agent's program (${path})`,
      path,
    })),
  ];
  const found = await mapLimit(paths, 4, async ({ what, path }) => {
    const device = await deviceOf(path);
    return device === undefined ? [] : [{ what, device }];
  });
  return found.flat();
}

async function deviceOf(path: string): Promise<string | undefined> {
  try {
    return deviceNumber((await stat(path)).dev);
  } catch {
    return undefined;
  }
}
