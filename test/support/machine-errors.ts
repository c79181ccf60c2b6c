import { definitionOf, type Definition, type State } from '#test/infra/support/definition.ts';
import { resourcesOf, synthesise } from '#test/infra/support/synth.ts';

/** A machine as the app defines it; functions' ARNs are one and the same placeholder. */
export interface Machine {
  readonly name: string;
  readonly definition: Definition;
}

/** One name of an error in a Retry or a Catch of one state. */
export interface NamedError {
  readonly machine: Machine;
  readonly state: string;
  /** Which Retry or Catch of the state, from 0. */
  readonly index: number;
  readonly error: string;
}

export interface Retried extends NamedError {
  readonly attempts: number;
}

export interface Caught extends NamedError {
  readonly next: string;
}

/** Every state machine of the app, from the template that is deployed. */
export function allMachines(): Machine[] {
  const machines = resourcesOf(synthesise().controlPlane, 'AWS::StepFunctions::StateMachine');
  return Object.values(machines).map((resource) => ({
    name: String(resource.Properties['StateMachineName']),
    definition: definitionOf(resource),
  }));
}

/** Every error that some state retries, by name: what is new in a definition is in this list at once. */
export function allRetries(machines: readonly Machine[]): Retried[] {
  return statesOf(machines).flatMap(({ machine, name, state }) =>
    (state.Retry ?? []).flatMap(({ ErrorEquals, MaxAttempts: attempts }, index) =>
      ErrorEquals.map((error) => ({ machine, state: name, index, error, attempts })),
    ),
  );
}

/** Every error that some state catches, by name. */
export function allCatches(machines: readonly Machine[]): Caught[] {
  return statesOf(machines).flatMap(({ machine, name, state }) =>
    (state.Catch ?? []).flatMap(({ ErrorEquals, Next: next }, index) =>
      ErrorEquals.map((error) => ({ machine, state: name, index, error, next })),
    ),
  );
}

function statesOf(machines: readonly Machine[]): { machine: Machine; name: string; state: State }[] {
  return machines.flatMap((machine) =>
    Object.entries(machine.definition.States).map(([name, state]) => ({ machine, name, state })),
  );
}
