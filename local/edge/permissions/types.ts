import type { Wish } from '../identity.ts';

/** A call of a storage service, as far as authorisation looks at it. */
export interface StorageRequest {
  readonly action: string;
  readonly region: string;
  readonly account: string;
  /** Path without query, as sent. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The query protocol's fields (EC2). */
  readonly form: URLSearchParams;
  /** A JSON body (EFS, Backup); empty when there is none. */
  readonly body: Readonly<Record<string, unknown>>;
}

export type Tags = Readonly<Record<string, string>>;

/** What the storage service knows of a resource: its tags, and what it belongs to. */
export interface ResourceFacts {
  readonly tags: Tags;
  /** It does not exist. */
  readonly missing?: boolean | undefined;
  /** A volume's: the instance that it is attached to. */
  readonly instanceId?: string | undefined;
  /** A mount target's or access point's. */
  readonly fileSystemId?: string | undefined;
}

/** Facts by id or ARN. */
export type LookUp = (id: string) => Promise<ResourceFacts>;

/** What a caller must be allowed, all of it, for a call to be carried out. */
export type Rule = (request: StorageRequest, lookUp: LookUp) => Promise<readonly Wish[]>;

export const noFacts: ResourceFacts = { tags: {} };

/** Condition keys for the tags that a request carries. */
export function requestTagContext(tags: Tags): Record<string, string | readonly string[]> {
  const names = Object.keys(tags);
  if (names.length === 0) return {};
  const pairs = Object.entries(tags).map(([key, value]) => [`aws:RequestTag/${key}`, value]);
  return { ...Object.fromEntries(pairs), 'aws:TagKeys': names };
}

/** Condition keys for the tags that a resource has; EC2 has names of its own for them as well. */
export function resourceTagContext(tags: Tags, service?: string): Record<string, string> {
  const prefixes = service === undefined ? ['aws'] : ['aws', service];
  const pairs = Object.entries(tags).flatMap(([key, value]) =>
    prefixes.map((prefix) => [`${prefix}:ResourceTag/${key}`, value]),
  );
  return Object.fromEntries(pairs);
}
