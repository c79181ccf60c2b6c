import { ProductError } from './errors.ts';

/** G and Gi are both 2^30, as Docker's own sizes are. */
const exponents: Readonly<Record<string, number>> = { '': 0, b: 0, k: 10, m: 20, g: 30, t: 40 };
const pattern = /^(\d{1,15})(?:\.(\d{1,6}))?\s*([kmgt]?)(i?b?)$/i;
const allowed = 'a whole or decimal number and a unit: "500M", "10G", "1Ti" (powers of 1024)';

export const GiB = 2 ** 30;
/** What a create without a size gets, as in the product's first document. */
export const defaultSizeBytes = 10 * GiB;
/** Largest EBS volume (gp3): 64 TiB. Source: EC2 CreateVolume reference, Size. */
export const maxEbsBytes = 64 * 2 ** 40;

/**
 * Parses a size such as "10G", "500M", "1Ti" or plain bytes, to bytes.
 * @throws ProductError InvalidInput with the value and what is allowed.
 */
export function parseSize(text: string): number {
  const match = pattern.exec(text.trim());
  const [, whole = '', fraction, unit = '', suffix = ''] = match ?? [];
  if (match === null || (unit === '' && suffix.toLowerCase().startsWith('i'))) throw refuse(text);
  const bytes = Number(`${whole}.${fraction ?? '0'}`) * 2 ** (exponents[unit.toLowerCase()] ?? 0);
  if (!Number.isSafeInteger(bytes) || bytes <= 0) throw refuse(text);
  return bytes;
}

/** Renders bytes in the largest unit that gives a whole number: 10737418240 -> "10G". */
export function formatSize(bytes: number): string {
  for (const [unit, exponent] of [
    ['T', 40],
    ['G', 30],
    ['M', 20],
    ['K', 10],
  ] as const) {
    if (bytes >= 2 ** exponent && bytes % 2 ** exponent === 0) return `${bytes / 2 ** exponent}${unit}`;
  }
  return `${bytes}`;
}

/** EBS sells whole GiB: the next one that holds what was asked. */
export function provisionedGiB(bytes: number): number {
  return Math.ceil(bytes / GiB);
}

function refuse(text: string): ProductError {
  return new ProductError('InvalidInput', `"${text}" is not a size.`, { value: text, allowed });
}
