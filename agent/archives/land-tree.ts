import type { Exec } from '#agent/host/exec.ts';
import { PutBackError } from './exchange.ts';
import { openStaging, type Landed, type UnpackResult } from './staging.ts';

export interface LandingOptions {
  /** What the target holds goes; else it must be empty, `lost+found` aside. @default false */
  readonly replace?: boolean;
  /** Called when the tree is whole: from here on the target may be changed. */
  readonly onLanding?: () => void;
}

interface Target extends LandingOptions {
  readonly target: string;
  readonly exec: Exec;
}

/**
 * Has a tree made beside what a target holds, and moves it into place: all of it, or nothing. `make` gets the staging folder,
 * with `root` and `tree` in it. {@link file://./staging.ts} `settleUnpack` has been called for the target.
 * @throws as `openStaging` and its `land`; what `make` throws
 */
export async function landTree(
  { target, exec, replace = false, onLanding }: Target,
  make: (folder: string) => Promise<Landed>,
): Promise<UnpackResult> {
  const staging = await openStaging(target, exec, { replace });
  let landing = false;
  try {
    const landed = await make(staging.folder);
    await staging.demandReady();
    landing = true;
    onLanding?.();
    await staging.land(landed);
    return landed.result;
  } catch (error) {
    // What had begun to land is finished by the next settling, never thrown away.
    if (!landing || error instanceof PutBackError) await staging.discard();
    throw error;
  }
}
