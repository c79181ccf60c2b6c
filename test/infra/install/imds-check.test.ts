import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fakeImds, installFolder, run } from './machine.ts';

const check = (endpoint: string) =>
  run(['python3', join(installFolder, 'imds-check.py')], { AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoint });

const remedy =
  'aws ec2 modify-instance-metadata-options --instance-id i-0123456789abcdef0 --http-endpoint enabled --http-tokens required --http-put-response-hop-limit 1';

test('tokens required, and no token goes further than the host: fine', async () => {
  expect(await check(await fakeImds())).toEqual({ status: 0, stdout: '', stderr: '' });
});

test('a token that gets through to containers is refused, with the command that closes it', async () => {
  const { status, stderr } = await check(await fakeImds({ HOP_LIMIT: '2' }));
  expect(status).toBe(1);
  expect(stderr).toContain('hop limit above 1');
  expect(stderr).toContain(remedy);
});

test('a service that answers without a token is refused, with the command that closes it', async () => {
  const { status, stderr } = await check(await fakeImds({ TOKENS: 'optional' }));
  expect(status).toBe(1);
  expect(stderr).toContain('without a token (IMDSv1)');
  expect(stderr).toContain(remedy);
});

test('no service: another failure, since nothing is known', async () => {
  const { status, stderr } = await check('http://127.0.0.1:1');
  expect(status).toBe(2);
  expect(stderr).toContain('does not answer');
});
