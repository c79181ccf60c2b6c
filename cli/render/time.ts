const steps = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'm'],
] as const;

/** "3d ago", for columns. */
export function ago(iso: string, now: number): string {
  return `${span(now - Date.parse(iso))} ago`;
}

/** "in 5h", for what is still to come. */
export function until(iso: string, now: number): string {
  const left = Date.parse(iso) - now;
  return left <= 0 ? 'now' : `in ${span(left)}`;
}

function span(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const step = steps.find(([size]) => seconds >= size);
  return step === undefined ? `${seconds}s` : `${Math.floor(seconds / step[0])}${step[1]}`;
}
