import { describe, expect, it } from 'vitest';
import { translateAwsError } from '#shared/aws/ec2/errors.ts';
import { ProductError } from '#shared/model/errors.ts';

const answer = (name: string, httpStatusCode: number, message = 'words of AWS'): Error =>
  Object.assign(new TypeError(message), { name, $metadata: { httpStatusCode } });

describe('what AWS says, in our words', () => {
  it.each([
    ['RequestLimitExceeded', 503, 'Throttled'],
    ['ThrottlingException', 429, 'Throttled'],
    ['InternalError', 500, 'Unavailable'],
    ['Whatever', 500, 'Unavailable'],
    ['UnauthorizedOperation', 403, 'AccessDenied'],
    ['VolumeLimitExceeded', 400, 'LimitExceeded'],
    ['AttachmentLimitExceeded', 400, 'LimitExceeded'],
    ['InvalidKmsKey.NotFound', 400, 'StorageFailed'],
    ['InvalidInstanceID.NotFound', 400, 'HostNotFound'],
    ['AccessPointLimitExceeded', 403, 'LimitExceeded'],
    ['NobodyKnows', 400, 'StorageFailed'],
  ])('%s (%i) is %s', (name, status, code) => {
    const error = translateAwsError(answer(name, status), 'Attaching');
    expect(error).toMatchObject({ code, details: { about: { awsCode: name } } });
    expect(error.message).toMatch(/^Attaching: /);
  });

  it('takes no answer for one that may have happened', () => {
    const reset = Object.assign(new TypeError('socket hang up'), { code: 'ECONNRESET' });
    expect(translateAwsError(reset, 'Creating')).toMatchObject({ code: 'Unavailable', retryable: true });
  });

  it('says what AWS said when it is new to us', () => {
    expect(translateAwsError(answer('NobodyKnows', 400), 'Creating').message).toContain('words of AWS');
  });

  it('leaves our own errors alone', () => {
    const own = new ProductError('VolumeBusy', 'busy');
    expect(translateAwsError(own, 'Creating')).toBe(own);
  });
});
