import type { Assignment } from '#shared/model/host.ts';

/** Every action the agent can take for a volume, with what it needs. The planner returns them, an executor each performs them. */
export interface StepArguments {
  /** Have the control plane attach it here. */
  claim: { readonly name: string };
  /** AWS is still attaching: wait for the next sync. */
  awaitAttached: { readonly name: string };
  /** Contract 3: before any mount. */
  setInUse: { readonly assignment: Assignment };
  /** Find the device, format with a ticket where it is blank, mount. */
  stage: { readonly assignment: Assignment };
  /** It has been mounted once: from now on no ticket is ever given. */
  reportMounted: { readonly assignment: Assignment; readonly uuid: string };
  /** Show the data directory under the volume's name. */
  publish: { readonly assignment: Assignment };
  unpublish: { readonly assignment: Assignment };
  unstage: { readonly assignment: Assignment };
  /** Contract 3: only when nothing holds the device any more. */
  clearInUse: { readonly assignment: Assignment };
  /** Give an idle attachment back. */
  release: { readonly assignment: Assignment };
  /** The lease has moved on, by the control plane's own word: stop the filesystem. */
  fence: { readonly assignment: Assignment; readonly path: string };
  forget: { readonly volumeId: string };
}

export type StepKind = keyof StepArguments;
export type Step = { [K in StepKind]: { readonly kind: K } & StepArguments[K] }[StepKind];
export type Executors = {
  readonly [K in StepKind]: (step: Extract<Step, { kind: K }>, signal: AbortSignal) => Promise<void>;
};

/** Forces one executor for each step: a kind without one does not compile. */
export function execute(executors: Executors, step: Step, signal: AbortSignal): Promise<void> {
  const perform = executors[step.kind] as (step: Step, signal: AbortSignal) => Promise<void>;
  return perform(step, signal);
}
