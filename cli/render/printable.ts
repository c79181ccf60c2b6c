/** Texts of others must not drive the reader's terminal: control characters show as a sign, a line stays one line. */
export function printable(text: string): string {
  return printableLines(text).replaceAll('\n', '\uFFFD');
}

/** The same, for texts of several lines. */
export function printableLines(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what this removes
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, '\uFFFD');
}
