import type { Assignment } from '#shared/model/host.ts';
import { driverTraits } from '#shared/model/volume.ts';
import type { Step } from './steps.ts';

/** Everything the planner may know of one volume. Pure data, read anew before each step. */
export interface VolumeView {
  readonly name: string;
  /** What the control plane last said; undefined when it has none for this host. */
  readonly assignment?: Assignment | undefined;
  /** Whether it said so lately: if not, what is mounted stays served and nothing new is mounted. */
  readonly linked: boolean;
  /** What this agent mounted it under; undefined when it did not, or when that was before this boot. */
  readonly mountedAs?: Assignment | undefined;
  /** Its filesystem shows at its stage, by the kernel. */
  readonly staged: boolean;
  /** That stage was ended: after a crash it may be mounted and not be whole. */
  readonly prepared: boolean;
  /** Its data shows under its name, by the kernel. */
  readonly published: boolean;
  /** The assignment was told in this very run: only then may it lead to a mount. */
  readonly fresh: boolean;
  /** A path at which its filesystem shows, be it in another namespace: it can be fenced from there. */
  readonly heldAt?: string | undefined;
  readonly fenced: boolean;
  /** A container uses it or may be about to. */
  readonly used: boolean;
  /** O_EXCL succeeded. Only looked at when it is not staged. */
  readonly free: boolean;
  /** Nothing has used it for long enough to take it away. */
  readonly idle: boolean;
  /** The control plane refused the epoch it is mounted under. */
  readonly refused: boolean;
}

/** For Docker's Mount: the next step towards showing the volume, or undefined when it shows. */
export function planServe(view: VolumeView): Step | undefined {
  const { name, assignment, mountedAs } = view;
  if (view.staged && isStale(view)) return retreat(view);
  if (view.staged && view.published && view.prepared) return undefined;
  if (view.staged && view.prepared && mountedAs !== undefined && !view.linked)
    return { kind: 'publish', assignment: mountedAs };
  if (!view.fresh || assignment === undefined) return { kind: 'claim', name };
  if (assignment.actual === 'attaching') return { kind: 'awaitAttached', name };
  if (!assignment.inUse) return { kind: 'setInUse', assignment }; // guard: lease-before-mount
  if (!view.staged || !view.prepared) return { kind: 'stage', assignment };
  return unreported(assignment) ?? { kind: 'publish', assignment };
}

/** For the sweep and the last Unmount: the next step towards having mounted what is used and nothing else. */
export function planSettle(view: VolumeView): Step | undefined {
  const { assignment, mountedAs } = view;
  if (isStale(view)) return retreat(view);
  if (view.staged || view.published) return settleMounted(view);
  if (!view.linked) return undefined;
  // What something may still hold is kept in mind: it may have to be fenced.
  const done = mountedAs !== undefined && view.free;
  const forget: Step | undefined = done ? { kind: 'forget', volumeId: mountedAs.volumeId } : undefined;
  if (assignment === undefined) return forget;
  if (assignment.inUse) return view.free ? { kind: 'clearInUse', assignment } : undefined; // guard: lease-until-free off: if (assignment.inUse) return { kind: 'clearInUse', assignment };
  if (assignment.desired === 'detached') return { kind: 'release', assignment };
  return forget;
}

function settleMounted(view: VolumeView): Step | undefined {
  const { linked, assignment, mountedAs } = view;
  const known = assignment ?? mountedAs;
  if (!linked || known === undefined) return undefined;
  if (view.staged && assignment !== undefined) {
    const kept = assignment.desired === 'attached';
    if (kept && !assignment.inUse) return { kind: 'setInUse', assignment };
    const report = kept ? unreported(assignment) : undefined;
    if (report !== undefined) return report;
  }
  if (view.used) return undefined; // guard: unmount-unused
  const mayGo = view.idle || known.desired === 'detached' || assignment === undefined;
  if (!mayGo) return undefined;
  return view.published ? { kind: 'unpublish', assignment: known } : { kind: 'unstage', assignment: known };
}

/** A crash between the first mount and its report. */
function unreported(assignment: Assignment): Step | undefined {
  const { filesystem } = assignment;
  if (filesystem.state === 'none' || filesystem.state === 'blank') return undefined;
  if (filesystem.state === 'formatted' && filesystem.mounted) return undefined;
  return { kind: 'reportMounted', assignment, uuid: filesystem.uuid };
}

/** Mounted for one writer, under an epoch that is not this host's any more. */
export function isStale({ staged, heldAt, linked, mountedAs, assignment, refused }: VolumeView): boolean {
  if ((!staged && heldAt === undefined) || !linked || mountedAs === undefined) return false;
  if (driverTraits[mountedAs.driver].hosts !== 'one') return false;
  return refused || assignment === undefined || assignment.epoch !== mountedAs.epoch;
}

/** Asks once more under the old epoch; only a refusal shuts the filesystem down. Then unmounts. */
function retreat(view: VolumeView): Step | undefined {
  const { mountedAs, staged, published, refused, fenced, heldAt } = view;
  if (mountedAs === undefined) return undefined;
  if (!refused) return { kind: 'setInUse', assignment: mountedAs };
  if (!fenced && heldAt !== undefined) return { kind: 'fence', assignment: mountedAs, path: heldAt }; // guard: fence-stale off: void 0;
  if (published) return { kind: 'unpublish', assignment: mountedAs };
  return staged ? { kind: 'unstage', assignment: mountedAs } : undefined;
}
