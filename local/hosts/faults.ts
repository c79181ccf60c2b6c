import type { HostCloud } from './cloud.ts';
import { daemonRuns, signalDaemon } from './daemons.ts';
import { waitFor } from './exec.ts';
import { findMachine, insideOf } from './machine.ts';
import { dropAll, dropNothing, setLink } from './network.ts';

/**
 * What is between a host and the rest of the world: nothing wrong; the cable out (`link`: connections fail at once or
 * hang); or a black hole (`drop`: all of them time out).
 */
export type Partition = 'none' | 'link' | 'drop';

/** Sets what is wrong with a host's network; repeats change nothing. */
export async function setPartition(cloud: HostCloud, name: string, partition: Partition): Promise<void> {
  const { net, tag } = findMachine(cloud, name);
  await dropNothing(tag);
  await setLink(net, partition !== 'link');
  if (partition === 'drop') await dropAll(net, tag);
}

/** SIGKILL for a host's agent, dockerd or containerd, and waits until it is gone. `startHost` starts it again. */
export async function killDaemon(
  cloud: HostCloud,
  name: string,
  daemon: 'agent' | 'dockerd' | 'containerd',
): Promise<void> {
  const inside = insideOf(findMachine(cloud, name));
  await signalDaemon(inside, daemon, 'KILL');
  await waitFor(`${daemon} of ${name} is gone`, async () => !(await daemonRuns(inside, daemon)));
}
