import { createHash } from 'node:crypto';
import { type Call, type Cloud, nowIso } from '../cloud.ts';
import { AwsError } from '../errors.ts';

interface Tokened {
  readonly action: string;
  readonly input: { readonly ClientToken?: string | undefined; readonly DryRun?: boolean | undefined };
}

/** Where a token's first use is kept. */
const keyOf = (call: Call, { action, input }: Tokened): string =>
  `${call.region}/${action}/${input.ClientToken ?? ''}`;

/**
 * What an earlier call with the same token made, if there was one.
 * @throws AwsError IdempotentParameterMismatch when that call had other parameters
 */
export function earlier(
  cloud: Cloud,
  call: Call,
  tokened: Tokened,
): { resourceId: string; answer: unknown } | undefined {
  const token = tokened.input.ClientToken;
  if (token === undefined || token === '') return undefined;
  // EC2: up to 64 ASCII characters.
  if (!/^[\x20-\x7e]{1,64}$/.test(token))
    throw new AwsError('InvalidParameterValue', `Value (${token}) for parameter clientToken is invalid.`);
  const record = cloud.store.get('tokens', keyOf(call, tokened));
  if (record && record.parameters !== fingerprint(tokened)) {
    throw new AwsError(
      'IdempotentParameterMismatch',
      'The client token you have provided is associated with a resource you have already created with other parameters',
    );
  }
  return record;
}

export function remember(
  cloud: Cloud,
  call: Call,
  made: Tokened & { resourceId: string; answer: unknown },
): void {
  if (made.input.ClientToken === undefined || made.input.ClientToken === '') return;
  const { resourceId, answer } = made;
  cloud.store.put('tokens', keyOf(call, made), {
    parameters: fingerprint(made),
    resourceId,
    answer,
    at: nowIso(),
  });
}

function fingerprint({ input }: Tokened): string {
  const { ClientToken: _token, DryRun: _dry, ...parameters } = input;
  const sorted = Object.entries(parameters).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('hex');
}
