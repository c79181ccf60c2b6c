/**
 * A name or path as the kernel has it, each character one byte: names on disk need not be UTF-8. Such strings compare as
 * their bytes do.
 */
export type BytePath = string;

const byteMark = 'base64:';

/** As JSON and people can hold it: UTF-8, or `base64:` and the bytes where it is none. */
export function pathToText(path: BytePath): string {
  const bytes = Buffer.from(path, 'latin1');
  const text = bytes.toString('utf8');
  const isText = Buffer.from(text, 'utf8').equals(bytes) && !text.startsWith(byteMark);
  return isText ? text : `${byteMark}${bytes.toString('base64')}`;
}

export function textToPath(text: string): BytePath {
  const bytes = text.startsWith(byteMark)
    ? Buffer.from(text.slice(byteMark.length), 'base64')
    : Buffer.from(text, 'utf8');
  return bytes.toString('latin1');
}
