import { ProductError } from '#shared/model/errors.ts';
import type { CreatePolicy } from '#shared/model/policy.ts';
import type { Retention } from '#shared/model/retention.ts';
import { given } from '../../api/pages.ts';
import type { OtherBucket } from '#shared/model/repository.ts';
import { bucketOf, type BucketFlags } from '../bucket-options.ts';
import { cutOf, type CutFlags } from '../cut-options.ts';

export interface NameFlags {
  readonly positional?: string | undefined;
  readonly name?: string | undefined;
}

export interface SettingFlags extends NameFlags, CutFlags, BucketFlags {
  readonly schedule?: string | undefined;
  readonly timezone?: string | undefined;
  readonly selector?: string | undefined;
  readonly keepLast?: string | undefined;
  readonly keepDaily?: string | undefined;
  readonly keepWeekly?: string | undefined;
  readonly keepMonthly?: string | undefined;
  readonly keepYearly?: string | undefined;
  readonly engine?: string | undefined;
  readonly copyTo?: string | undefined;
  readonly objective?: string | undefined;
  readonly description?: string | undefined;
  readonly drill?: string | undefined;
}

/** What is given beside the rules of retention; the API says what is allowed. */
export function settingsOf(flags: SettingFlags) {
  return {
    ...given('schedule', flags.schedule),
    ...given('timezone', flags.timezone),
    ...given('selector', flags.selector),
    ...given('engine', flags.engine as CreatePolicy['engine'] | undefined),
    ...cutOf(flags),
    ...given('objective', flags.objective),
    ...given('description', flags.description),
    ...given('drill', flags.drill),
  };
}

/** "none" is no Region: where there was one, no more copies are made. */
export function copyToOf({ copyTo }: SettingFlags): string | null | undefined {
  return copyTo === 'none' ? null : copyTo;
}

/** No endpoint is called "none": where there was a bucket of one's own, the archive bucket takes its place. */
export function repositoryOf(flags: SettingFlags): OtherBucket | null | undefined {
  const { s3Endpoint, bucket, bucketRegion, credentialsSecret } = flags;
  const alone = [bucket, bucketRegion, credentialsSecret].every((part) => part === undefined);
  return s3Endpoint === 'none' && alone ? null : bucketOf(flags);
}

/** The rules that are given; 0 drops one that was there. Undefined where none is given. */
export function retentionOf(flags: SettingFlags, was: Retention = {}): Retention | undefined {
  const rules = {
    last: flags.keepLast,
    daily: flags.keepDaily,
    weekly: flags.keepWeekly,
    monthly: flags.keepMonthly,
    yearly: flags.keepYearly,
  } as const;
  const asked = Object.entries(rules).filter(([, count]) => count !== undefined);
  if (asked.length === 0) return undefined;
  const counts = asked.map(([rule, count = '']) => [rule, countOf(rule, count)] as const);
  const all = Object.entries({ ...was, ...Object.fromEntries(counts) });
  return Object.fromEntries(all.filter(([, count]) => count !== 0));
}

function countOf(rule: string, text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new ProductError('InvalidInput', `"${text}" is not a number of backups to keep.`, {
    value: text,
    allowed: `a whole number from 0 to 1000 for --keep-${rule}`,
  });
}
