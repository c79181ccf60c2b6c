import * as z from 'zod';

const mostNotes = 100;

const Complaint = z.object({ message_type: z.literal('error'), item: z.string() });

/** What restic says that it could not read, in words: JSON lines on its standard error. */
export function backupNotes(words: string, path: string): string[] {
  const items = words.split('\n').flatMap((line) => {
    const parsed = Complaint.safeParse(parse(line));
    return parsed.success ? [parsed.data.item] : [];
  });
  return [...new Set(items)]
    .slice(0, mostNotes)
    .map((item) => `could not be read: ${relative(item, path)}`.slice(0, 512));
}

const ignored = /^ignoring error for (.+?): /;

/**
 * What restic could not make again, when that is devices alone: those are refused, the rest is there. Undefined when
 * anything else went wrong.
 */
export function restoreWarnings(
  words: string,
  path: string,
  devices: ReadonlySet<string>,
): string[] | undefined {
  const lines = words.split('\n').filter((line) => line.startsWith('ignoring error for'));
  const items = lines.map((line) => ignored.exec(line)?.[1] ?? '');
  if (items.length === 0 || items.some((item) => !devices.has(item))) return undefined; // guard: restic-restore-whole
  return items.slice(0, mostNotes).map((item) => `left out, a device: ${relative(item, path)}`.slice(0, 512));
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function relative(item: string, path: string): string {
  return item.startsWith(`${path}/`) ? `.${item.slice(path.length)}` : item;
}
