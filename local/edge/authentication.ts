import { isFailure, type IdentityFailure, type Principal } from './identity.ts';
import type { Claim } from './sigv4/credential.ts';
import { signatureProblem, timeProblem, type SignedRequest } from './sigv4/verify.ts';

/** Why a caller is not who it says; each protocol has its own words for these. */
export type AuthenticationFailure =
  | { readonly kind: 'expired' | 'not-yet-valid'; readonly signedAt: string }
  | { readonly kind: 'mismatch' | 'unknown-key' | 'invalid-token' | 'expired-token' };

export type Authenticated =
  | { readonly principal: Principal; readonly failure?: undefined }
  | { readonly failure: AuthenticationFailure; readonly principal?: undefined };

const kinds: Readonly<Record<string, 'expired-token' | 'invalid-token'>> = {
  ExpiredTokenException: 'expired-token',
  InvalidToken: 'invalid-token',
};

/**
 * Checks time, key, session token and signature, in AWS's order. Root-like keys (`test`) are signed with the secret
 * `test`; the emulator would take any, the edge does not.
 */
export async function authenticate(
  resolve: () => Promise<Principal | IdentityFailure>,
  claim: Claim,
  request: SignedRequest,
): Promise<Authenticated> {
  const late = timeProblem(claim, Date.now());
  if (late) return { failure: late };
  const principal = await resolve();
  if (isFailure(principal)) return { failure: { kind: kinds[principal.code] ?? 'unknown-key' } };
  const wrong = await signatureProblem(claim, principal.secretAccessKey, request);
  return wrong ? { failure: wrong } : { principal };
}
