import type { Assignment, SyncAnswer } from '#shared/model/host.ts';

/** What the control plane said, and when, counted in answers. Only a sync may take an assignment away. */
export interface Knowledge {
  assignments(): readonly Assignment[];
  byId(volumeId: string): Assignment | undefined;
  byName(name: string): Assignment | undefined;
  /** An answer about one volume. */
  learn(assignment: Assignment): void;
  unlearn(volumeId: string): void;
  /** Call before a sync is sent; hand the mark back with its answer. */
  mark(): number;
  /** The whole truth as of `mark`: what was learnt later than that is newer and stays. */
  replace(answer: Pick<SyncAnswer, 'assignments'>, mark: number): void;
  /** The control plane refused this epoch for a volume that is mounted under it. */
  refuse(volumeId: string, epoch: number): void;
  isRefused(volumeId: string, epoch: number): boolean;
}

export function createKnowledge(): Knowledge {
  let clock = 0;
  const known = new Map<string, { assignment: Assignment; at: number }>();
  const refused = new Map<string, number>();
  const set = (assignment: Assignment): void => {
    known.set(assignment.volumeId, { assignment, at: ++clock });
  };
  return {
    assignments: () => [...known.values()].map(({ assignment }) => assignment),
    byId: (volumeId) => known.get(volumeId)?.assignment,
    byName(name) {
      const named = [...known.values()]
        .map(({ assignment }) => assignment)
        .filter((one) => one.name === name);
      // A deleted volume of that name may still be on its way out.
      return named.find(({ desired }) => desired === 'attached') ?? named[0];
    },
    learn: set,
    unlearn: (volumeId) => void known.delete(volumeId),
    mark: () => clock,
    replace({ assignments }, mark) {
      const newer = (volumeId: string): boolean => (known.get(volumeId)?.at ?? 0) > mark;
      const told = new Set(assignments.map(({ volumeId }) => volumeId));
      for (const volumeId of known.keys()) {
        if (!told.has(volumeId) && !newer(volumeId)) known.delete(volumeId);
      }
      for (const assignment of assignments) if (!newer(assignment.volumeId)) set(assignment);
    },
    refuse: (volumeId, epoch) => void refused.set(volumeId, epoch),
    isRefused: (volumeId, epoch) => refused.get(volumeId) === epoch,
  };
}
