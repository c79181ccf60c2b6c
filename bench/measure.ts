/** Something measured against something else in the same run: only the ratio is worth comparing between machines. */
export interface Comparison {
  readonly what: string;
  readonly against: string;
  readonly unit: string;
  readonly ours: Spread;
  readonly theirs: Spread;
  /** Median of ours over median of theirs. */
  readonly ratio: number;
}

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
  readonly runs: number;
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    min: sorted[0] ?? NaN,
    median: sorted[Math.floor(sorted.length / 2)] ?? NaN,
    max: sorted.at(-1) ?? NaN,
    runs: sorted.length,
  };
}

type Sample = () => Promise<number> | number;

export interface Pair {
  readonly what: string;
  readonly against: string;
  readonly unit: string;
  /** Counted runs of each; one more of each goes first and is not counted. */
  readonly runs: number;
  /** Each gives one figure in `unit`. */
  readonly ours: Sample;
  readonly theirs: Sample;
}

/** Runs the two in turn, A B A B …, so that a drift of the machine meets both alike. */
export async function sideBySide({ ours, theirs, against, ...rest }: Pair): Promise<Comparison> {
  const [a, b] = await inTurn(rest.runs, [ours, theirs]);
  return compared(rest, { against, ours: a, theirs: b });
}

/** Something of ours or of others that is measured with the rest. */
export interface Contender {
  readonly name: string;
  readonly sample: Sample;
}

export interface Field {
  /** What each of `ours` is named by, given its name. */
  readonly what: (name: string) => string;
  readonly unit: string;
  readonly runs: number;
  readonly ours: readonly Contender[];
  readonly theirs: readonly Contender[];
}

/** As {@link sideBySide}, for more than two: A B C A B C …; a row for each of ours against each of theirs. */
export async function allInTurn({ what, ours, theirs, ...rest }: Field): Promise<Comparison[]> {
  const contenders = [...ours, ...theirs];
  const spreads = await inTurn(
    rest.runs,
    contenders.map(({ sample }) => sample),
  );
  const of = (one: Contender): Spread | undefined => spreads[contenders.indexOf(one)];
  return ours.flatMap((own) =>
    theirs.map((other) =>
      compared({ ...rest, what: what(own.name) }, { against: other.name, ours: of(own), theirs: of(other) }),
    ),
  );
}

/** What one run gave of each: figures that are not repeated. */
export function once(
  what: { readonly what: string; readonly unit: string },
  { against, ours, theirs }: { readonly against: string; readonly ours: number; readonly theirs: number },
): Comparison {
  return compared(what, { against, ours: spread([ours]), theirs: spread([theirs]) });
}

async function inTurn(runs: number, samples: readonly Sample[]): Promise<Spread[]> {
  const figures = samples.map((): number[] => []);
  for (let run = -1; run < runs; run++) {
    for (const [index, sample] of samples.entries()) {
      const figure = await sample();
      if (run >= 0) figures[index]?.push(figure);
    }
  }
  return figures.map(spread);
}

function compared(
  { what, unit }: { readonly what: string; readonly unit: string },
  {
    against,
    ours = spread([]),
    theirs = spread([]),
  }: { readonly against: string; readonly ours: Spread | undefined; readonly theirs: Spread | undefined },
): Comparison {
  return { what, against, unit, ours, theirs, ratio: ours.median / theirs.median };
}

/** Milliseconds that some work takes. */
export async function milliseconds(work: () => unknown): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

const figure = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
const cell = ({ min, median, max }: Spread): string => `${figure(median)} (${figure(min)}–${figure(max)})`;

/** Rows of a Markdown table: median (min–max) of each, and the ratio of the medians. */
export function renderComparisons(rows: readonly Comparison[]): string {
  const head = ['| what | against | unit | ours | theirs | ratio | runs |', '|---|---|---|---|---|---|---|'];
  const body = rows.map(
    (row) =>
      `| ${row.what} | ${row.against} | ${row.unit} | ${cell(row.ours)} | ${cell(row.theirs)} | **${row.ratio.toFixed(2)}** | ${row.ours.runs} |`,
  );
  return [...head, ...body].join('\n');
}
