import type { AuthenticationFailure } from './authentication.ts';
import { errorAnswer, type Protocol } from './http/errors.ts';
import type { Answer } from './http/answer.ts';
import type { Decision, Wish } from './identity.ts';

type Words = Readonly<
  Record<
    AuthenticationFailure['kind'],
    { readonly status: number; readonly code: string; readonly message: string }
  >
>;

const mismatch =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.';

/** EC2 does not tell a wrong signature from an unknown key. */
const ec2Words: Words = (() => {
  const failure = {
    status: 401,
    code: 'AuthFailure',
    message: 'AWS was not able to validate the provided access credentials',
  };
  const expired = { status: 400, code: 'RequestExpired', message: 'Request has expired.' };
  return {
    mismatch: failure,
    'unknown-key': failure,
    'invalid-token': failure,
    'expired-token': expired,
    expired,
    'not-yet-valid': { ...expired, message: 'Request is not yet valid.' },
  };
})();

const jsonWords: Words = {
  mismatch: { status: 403, code: 'InvalidSignatureException', message: mismatch },
  expired: { status: 403, code: 'InvalidSignatureException', message: 'Signature expired' },
  'not-yet-valid': { status: 403, code: 'InvalidSignatureException', message: 'Signature not yet current' },
  'unknown-key': {
    status: 403,
    code: 'UnrecognizedClientException',
    message: 'The security token included in the request is invalid.',
  },
  'invalid-token': {
    status: 403,
    code: 'UnrecognizedClientException',
    message: 'The security token included in the request is invalid.',
  },
  'expired-token': {
    status: 403,
    code: 'ExpiredTokenException',
    message: 'The security token included in the request is expired',
  },
};

/** What EC2, or EFS and AWS Backup, say to a caller whose signature does not hold. */
export function authenticationRefusal(protocol: Protocol, failure: AuthenticationFailure): Answer {
  const words = (protocol === 'ec2' ? ec2Words : jsonWords)[failure.kind];
  const clock =
    protocol !== 'ec2' && 'signedAt' in failure ? `: ${failure.signedAt} is now ${stamp()} (5 min.)` : '';
  return errorAnswer(protocol, { ...words, message: words.message + clock });
}

const stamp = (): string => new Date().toISOString().replaceAll(/[-:]|\.\d{3}/g, '');

export interface Denial {
  readonly principalArn: string;
  readonly wish: Wish;
  readonly decision: Decision;
}

/** What a caller is told that may not do what it asks: who it is, what it may not, and on what. */
export function denialRefusal(protocol: Protocol, { principalArn, wish, decision }: Denial): Answer {
  const why =
    decision.decision === 'Deny'
      ? 'with an explicit deny in an identity-based policy'
      : `because no identity-based policy allows the ${wish.action} action`;
  const sentence = `User: ${principalArn} is not authorized to perform: ${wish.action} on resource: ${wish.resource} ${why}`;
  if (protocol !== 'ec2')
    return errorAnswer(protocol, { status: 403, code: 'AccessDeniedException', message: sentence });
  const message = `You are not authorized to perform this operation. ${sentence}. Encoded authorization failure message: ${encoded(principalArn, wish, decision)}`;
  return errorAnswer('ec2', { status: 403, code: 'UnauthorizedOperation', message });
}

/** AWS encrypts this and `sts:DecodeAuthorizationMessage` opens it; here base64 does: the document is the same. */
function encoded(principalArn: string, { action, resource, context }: Wish, { decision }: Decision): string {
  const items = Object.entries(context ?? {}).map(([key, value]) => ({
    key,
    values: { items: (typeof value === 'string' ? [value] : value).map((one) => ({ value: one })) },
  }));
  const document = {
    allowed: false,
    explicitDeny: decision === 'Deny',
    context: { principal: { arn: principalArn }, action, resource, conditions: { items } },
  };
  return Buffer.from(JSON.stringify(document)).toString('base64url');
}
