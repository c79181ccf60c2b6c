/** How large what is measured is. */
export interface Scale {
  /** Files of 2 KiB. */
  readonly manyFiles: number;
  /** Size of each of four files, in MiB. */
  readonly largeMiB: number;
  /** Counted runs of each backup and restore. */
  readonly runs: number;
  /** Counted backups under a writer. */
  readonly freezes: number;
  /** Volumes of the policies that are compared: few, many. */
  readonly volumes: readonly [number, number];
}

export const full: Scale = {
  manyFiles: 100_000,
  largeMiB: 128,
  runs: 2,
  freezes: 5,
  volumes: [100, 10_000],
};

/** For a try of the benchmark itself: its figures say nothing. */
export const quick: Scale = { manyFiles: 1_000, largeMiB: 4, runs: 1, freezes: 2, volumes: [10, 100] };
