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
export async function sideBySide({ what, against, unit, runs, ours, theirs }: Pair): Promise<Comparison> {
  const samples = { ours: [] as number[], theirs: [] as number[] };
  for (let run = -1; run < runs; run++) {
    const a = await ours();
    const b = await theirs();
    if (run < 0) continue;
    samples.ours.push(a);
    samples.theirs.push(b);
  }
  const [a, b] = [spread(samples.ours), spread(samples.theirs)];
  return { what, against, unit, ours: a, theirs: b, ratio: a.median / b.median };
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
