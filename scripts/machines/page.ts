import type { Machine, State } from './definition.ts';

/** docs/state-machines.md: each machine as a Mermaid diagram, drawn from its definition. */
export function machinesPage(machines: Readonly<Record<string, Machine>>): string {
  const parts = Object.entries(machines)
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([name, machine]) => `## ${name}\n\n${diagram(machine)}`);
  return `${head}\n${parts.join('\n\n')}\n`;
}

const head = `# State machines

Drawn from the definitions that are deployed, by \`npm run machines\`; a test fails while this page is not up to date. Words on an arrow are the errors that lead there once their retries are used up. What the machines do is told in [architecture](architecture.md) and [backups](backups.md).

Each name in a Retry and a Catch is told to TestState as a mocked error, and carried out with a function that really fails under it (\`test/integration/machines\`); the product's own functions are killed and refused under their machines in \`test/e2e/machine-errors.test.ts\`. What there is comes from the definitions, so that a new Retry or Catch is tried as well. The emulator does not end a machine at its time-out: that there is one is asserted on the template, and the sweeper begins anew whatever ended without finishing its work.
`;

function diagram(machine: Machine): string {
  return ['```mermaid', 'stateDiagram-v2', ...linesOf(machine, '  '), '```'].join('\n');
}

function linesOf({ StartAt, States }: Machine, indent: string): string[] {
  const names = Object.keys(States);
  return [
    ...names.flatMap((name) => declared(name, States[name], indent)),
    `${indent}[*] --> ${idOf(StartAt)}`,
    ...names.flatMap((name) => arrowsOf(name, States[name], indent)),
  ];
}

function declared(name: string, state: State | undefined, indent: string): string[] {
  const type = state?.Type ?? '';
  const own = `${indent}state "${name} (${type})" as ${idOf(name)}`;
  if (state?.ItemProcessor === undefined) return [own];
  return [`${own} {`, ...linesOf(prefixed(name, state.ItemProcessor), `${indent}  `), `${indent}}`];
}

/** States of a Map have names of their own in the picture. */
function prefixed(name: string, { StartAt, States }: Machine): Machine {
  const to = (inner: string): string => `${name}: ${inner}`;
  const renamed = Object.entries(States).map(([inner, state]) => [
    to(inner),
    {
      ...state,
      ...(state.Next === undefined ? {} : { Next: to(state.Next) }),
      ...(state.Default === undefined ? {} : { Default: to(state.Default) }),
      ...(state.Choices === undefined
        ? {}
        : { Choices: state.Choices.map((choice) => ({ ...choice, Next: to(choice.Next) })) }),
      ...(state.Catch === undefined
        ? {}
        : { Catch: state.Catch.map((caught) => ({ ...caught, Next: to(caught.Next) })) }),
    },
  ]);
  return { StartAt: to(StartAt), States: Object.fromEntries(renamed) as Machine['States'] };
}

function arrowsOf(name: string, state: State | undefined, indent: string): string[] {
  const arrow = (to: string, label = ''): string => `${indent}${idOf(name)} --> ${to}${label}`;
  const nexts = [state?.Next, ...(state?.Choices ?? []).map(({ Next }) => Next), state?.Default];
  const ends = state?.End === true || state?.Type === 'Succeed' || state?.Type === 'Fail';
  return [
    ...new Set(nexts.flatMap((next) => (next === undefined ? [] : arrow(idOf(next))))),
    ...(state?.Catch ?? []).map(({ Next, ErrorEquals }) => arrow(idOf(Next), `: ${ErrorEquals.join(', ')}`)),
    ...(ends ? [arrow('[*]')] : []),
  ];
}

function idOf(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9]+/g, '_');
}
