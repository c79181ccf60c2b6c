import {
  AttachUserPolicyCommand,
  CreateAccessKeyCommand,
  CreateUserCommand,
  IAMClient,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import { expect } from 'vitest';
import type { CloudFile } from '#local/cloud/cloud-file.ts';
import { clientConfig } from '#local/cloud/deploy.ts';
import { createClient } from '#shared/client/client.ts';
import type { ApiClient, Credentials } from '#shared/client/client.ts';

/** What a new IAM user may do: one of the deployment's policies by its output, or a document of its own, or nothing. */
export interface Rights {
  readonly policyOutput?: string;
  readonly document?: unknown;
}

let count = 0;

/** Makes an IAM user with an access key; tests of authorisation never use the deployer's. */
export async function newUser(cloud: CloudFile, rights: Rights = {}): Promise<Credentials> {
  const iam = new IAMClient(clientConfig(cloud));
  const UserName = `e2e-${process.pid}-${Date.now()}-${count++}`;
  await iam.send(new CreateUserCommand({ UserName }));
  if (rights.policyOutput) {
    const PolicyArn = cloud.stack?.[rights.policyOutput];
    await iam.send(new AttachUserPolicyCommand({ UserName, PolicyArn }));
  }
  if (rights.document) {
    const PolicyDocument = JSON.stringify(rights.document);
    await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: 'own', PolicyDocument }));
  }
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  expect(AccessKey?.SecretAccessKey).toBeTruthy();
  return { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' };
}

/** The API as a person with those keys calls it. */
export function apiAs(cloud: CloudFile, credentials: Credentials): ApiClient {
  return createClient({
    endpoint: `http://127.0.0.1:${cloud.ports.api}`,
    region: cloud.region,
    credentials: () => Promise.resolve(credentials),
  });
}
