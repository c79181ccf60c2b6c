import { setTimeout as delay } from 'node:timers/promises';
import { ProductError } from '#shared/model/errors.ts';
import type { Container, Docker } from '#agent/host/docker.ts';
import { mountedAt, type Mounts } from '#agent/host/mounts.ts';
import { mountsInside } from '#agent/host/mounts-inside.ts';
import type { Users } from '#agent/host/users.ts';
import { usersOf } from '#agent/reconcile/view.ts';
import type { Holds } from '#agent/reconcile/holds.ts';

export interface AlonePorts {
  readonly mounts: Pick<Mounts, 'list'>;
  readonly users: Users;
  readonly containers: Pick<Docker, 'containers'>;
  readonly holds: Pick<Holds, 'isHeld'>;
  /** Milliseconds for which a use that is about to be refused may end. */
  readonly aloneWithinMs?: number;
}

interface Subject {
  readonly name: string;
  readonly operationId: string;
  /** Where the volume shows. */
  readonly directory: string;
}

const lookMs = 250;
const defaultWithinMs = 30_000;

/**
 * That nothing but this task has a volume, also no container that was given the directory without a volume's name, and that
 * nothing is mounted inside it: what is there may be moved.
 * @throws ProductError VolumeBusy naming who has it, or what is mounted where
 */
export async function demandAlone(ports: AlonePorts, subject: Subject): Promise<void> {
  const inside = mountsInside(await ports.mounts.list(), subject.directory);
  if (inside.length > 0) throw mounted(subject.name, inside); // guard: refill-no-mounts
  const until = Date.now() + (ports.aloneWithinMs ?? defaultWithinMs);
  for (;;) {
    const found = await othersOf(ports, subject);
    if (found.length === 0) return;
    if (Date.now() >= until) throw used(subject.name, found); // guard: refill-alone off: if (Date.now() >= until) return;
    await delay(lookMs);
  }
}

/** Docker and the kernel know containers; a hold is a mount that may become one. */
async function othersOf(ports: AlonePorts, { name, operationId, directory }: Subject): Promise<string[]> {
  const containers = await ports.containers.containers();
  const listed = usersOf(name, containers);
  const holders = await containersThatHold(ports, directory, containers);
  const held = ports.holds.isHeld(name, containers, `task:${operationId}`);
  return [...new Set([...listed, ...holders, ...(held ? ['a container that is being started'] : [])])];
}

async function containersThatHold(
  { mounts, users }: AlonePorts,
  directory: string,
  containers: readonly Container[] | undefined,
): Promise<string[]> {
  const shown = mountedAt(await mounts.list(), directory);
  if (shown === undefined) return [];
  const holders = await users.of({ device: shown.device, root: shown.root });
  return holders.flatMap(({ container: id }) =>
    id === undefined ? [] : [containers?.find((one) => one.id === id)?.name ?? id.slice(0, 12)],
  );
}

function used(name: string, who: readonly string[]): ProductError {
  return new ProductError('VolumeBusy', `"${name}" is in use by containers: ${who.join(', ')}.`, {
    value: name,
    about: { containers: who.join(',') },
    hint: 'Stop them, then restore again.',
  });
}

function mounted(name: string, inside: readonly string[]): ProductError {
  const where = inside.slice(0, 5).join(', ');
  return new ProductError('VolumeBusy', `Something is mounted inside "${name}": ${where}.`, {
    value: name,
    hint: 'Unmount it on the host, then restore again, or restore to another name.',
  });
}
