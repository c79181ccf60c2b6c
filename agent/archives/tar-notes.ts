/** What GNU tar says on its standard error about files that it did not take as they were. */
export interface TarNotes {
  readonly changed: readonly string[];
  readonly skipped: readonly string[];
}

const changed =
  /^tar: (.+): (?:file changed as we read it|File removed before we read it|File shrank by \d+ bytes?; padding with zeros)$/;
const skipped = /^tar: (.+): socket ignored$/;

/** Reads tar's words (LC_ALL=C, --quoting-style=escape); each name once, in order. */
export function tarNotes(words: string): TarNotes {
  const lines = words.split('\n');
  return { changed: named(lines, changed), skipped: named(lines, skipped) };
}

function named(lines: readonly string[], pattern: RegExp): string[] {
  const names = lines.flatMap((line) => pattern.exec(line)?.[1] ?? []);
  return [...new Set(names)].toSorted();
}
