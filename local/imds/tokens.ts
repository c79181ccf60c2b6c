import { randomBytes } from 'node:crypto';

/** Longest life of a session token, in seconds, as on EC2. */
export const MAX_TOKEN_TTL = 21_600;

/** Session tokens of IMDSv2. */
export interface Tokens {
  /** A new token that lives for `ttl` seconds. */
  issue(ttl: number): string;
  /** Whether the token was issued here and still lives. */
  isValid(token: string): boolean;
}

/** Tokens in memory: like EC2's, they end with the endpoint. `now` in milliseconds. */
export function tokens(now: () => number = Date.now): Tokens {
  const ends = new Map<string, number>();
  const forgetOld = (): void => {
    for (const [token, end] of ends) if (end <= now()) ends.delete(token);
  };
  return {
    issue: (ttl) => {
      forgetOld();
      const token = randomBytes(40).toString('base64url');
      ends.set(token, now() + ttl * 1000);
      return token;
    },
    isValid: (token) => (ends.get(token) ?? 0) > now(),
  };
}

/** The life asked for in the request header, or undefined if it is not 1 to {@link MAX_TOKEN_TTL} whole seconds. */
export function parseTtl(header: string | string[] | undefined): number | undefined {
  if (typeof header !== 'string' || !/^\d{1,5}$/.test(header)) return undefined;
  const ttl = Number(header);
  return ttl >= 1 && ttl <= MAX_TOKEN_TTL ? ttl : undefined;
}
