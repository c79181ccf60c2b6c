import { fromNodeProviderChain } from '@aws-sdk/credential-providers';
import { apiSuite } from '#test/support/api-suite.ts';

/*
 * The API suite against any deployment: `npm run test:api` with
 *   HIVEMIND_API_ENDPOINT   where the API is
 *   AWS_REGION              its Region
 * and credentials of somebody with the policy HivemindAdmin, from the SDK's default chain. The end-to-end tests run the same
 * suite against their local cloud.
 */
const endpoint = process.env['HIVEMIND_API_ENDPOINT'] ?? '';

apiSuite(() => ({
  endpoint,
  region: process.env['AWS_REGION'] ?? 'us-east-1',
  credentials: fromNodeProviderChain(),
}));
