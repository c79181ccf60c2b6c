import { afterAll } from 'vitest';
import { apiSuite } from '#test/support/api-suite.ts';
import { joinCloud } from './harness/cloud.ts';

const cloud = joinCloud();
afterAll(() => cloud.close());

/** The suite that any deployment must pass, against the local cloud and as the CLI's own IAM user. */
apiSuite(() => ({
  endpoint: `http://127.0.0.1:${cloud.file.ports.api}`,
  region: cloud.file.region,
  credentials: () => Promise.resolve(cloud.file.cliUser ?? { accessKeyId: '', secretAccessKey: '' }),
}));
