import { usersOf, type User } from '#shared/model/rules-use.ts';
import { wait } from './planner-efs-restore.ts';
import type { EfsFacts, EfsStep } from './planner-efs.ts';
import type { Failure } from './planner.ts';

/** Handed back by every host; undefined when it is. What cannot be done ends in `restore`. */
export function planFree(facts: EfsFacts): EfsStep | undefined {
  const { operation, record, now } = facts;
  const users = usersOf(record).filter(({ host }) => !facts.powerless.has(host));
  const until = Date.parse(operation.waitUntil ?? operation.createdAt);
  if (users.length > 0 && now.getTime() >= until) {
    return {
      kind: 'restore',
      failure: inUse(users),
      message: inUse(users).detail,
      progress: operation.progress,
    };
  }
  if (users.length > 0) return handBack(facts, users); // guard: delete-in-use-shared
  return undefined;
}

function handBack(facts: EfsFacts, users: readonly User[]): EfsStep {
  return { ...wait(facts, `Waiting until it is free. ${inUse(users).detail}`), progress: 10 };
}

function inUse(users: readonly User[]): Failure {
  const who = users.map(({ host, containers }) =>
    containers.length === 0 ? host : `${host} (containers ${containers.join(', ')})`,
  );
  return {
    code: 'VolumeBusy',
    detail: `The volume is in use on ${who.join(' and ')}.`,
    hint: 'Stop the containers that use it, then try again.',
  };
}
