import { renameSync, writeFileSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import type { Container } from '#agent/host/docker.ts';

/**
 * Between Docker's Mount and the container's start neither the kernel nor Docker shows a use. A hold bridges that gap:
 * it only ever keeps a mount; that something is unused is for the kernel and Docker to say (contract 6).
 */
export interface Holds {
  add(name: string, id: string): void;
  release(name: string, id: string): void;
  /** Whether a mount of this name must be kept though nothing shows that it is used; one hold may be left out. */
  isHeld(name: string, containers: readonly Container[] | undefined, but?: string): boolean;
}

/** A container is in Docker's list some seconds after its image was copied up; before that its absence says nothing. */
const unlistedMs = 60_000;

export interface HoldsOptions {
  readonly holdSeconds: number;
  /** What an agent that ran before on this boot left. */
  readonly saved?: SavedHolds;
  /** Told of each change, so that a restart keeps them. */
  readonly save?: (holds: SavedHolds) => void;
  readonly now?: () => number;
}
/** By volume name, by Docker's id: when, in milliseconds. */
export type SavedHolds = Readonly<Record<string, Readonly<Record<string, number>>>>;

export function createHolds(options: HoldsOptions): Holds {
  const { holdSeconds, saved = {}, now = Date.now } = options;
  const held = new Map(Object.entries(saved).map(([name, ids]) => [name, new Map(Object.entries(ids))]));
  const save = (): void =>
    options.save?.(Object.fromEntries([...held].map(([name, ids]) => [name, Object.fromEntries(ids)])));
  const isLive = (name: string, since: number, containers: readonly Container[] | undefined): boolean => {
    const age = now() - since;
    if (age >= holdSeconds * 1000) return false;
    if (age < unlistedMs || containers === undefined) return true;
    return containers.some(({ volumes }) => volumes.includes(name));
  };
  return {
    add(name, id) {
      const ids = held.get(name) ?? new Map<string, number>();
      held.set(name, ids.set(id, now()));
      save();
    },
    release(name, id) {
      if (held.get(name)?.delete(id) === true) save();
    },
    isHeld(name, containers, but) {
      const ids = held.get(name);
      if (ids === undefined) return false;
      for (const [id, since] of ids) if (!isLive(name, since, containers)) ids.delete(id);
      if (ids.size === 0) held.delete(name);
      return [...ids.keys()].some((id) => id !== but);
    },
  };
}

const SavedFile = z.object({
  bootId: z.string(),
  holds: z.record(z.string(), z.record(z.string(), z.number())),
});

/** Holds that survive a killed agent, but not a boot: with it every mount went. */
export async function openHolds(options: {
  file: string;
  bootId: string;
  holdSeconds: number;
}): Promise<Holds> {
  const { file, bootId, holdSeconds } = options;
  await mkdir(dirname(file), { recursive: true });
  return createHolds({
    holdSeconds,
    saved: await readSaved(file, bootId),
    // Before Docker has its answer, so synchronously: a hold that is lost may cost a mount.
    save: (holds) => {
      writeFileSync(`${file}.making`, JSON.stringify({ bootId, holds }));
      renameSync(`${file}.making`, file);
    },
  });
}

async function readSaved(file: string, bootId: string): Promise<SavedHolds> {
  try {
    const saved = SavedFile.parse(JSON.parse(await readFile(file, 'utf8')));
    return saved.bootId === bootId ? saved.holds : {};
  } catch {
    return {};
  }
}
