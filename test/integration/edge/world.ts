import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import {
  CreateAccessKeyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  IAMClient,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import { CreateFunctionCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { SignatureV4 } from '@smithy/signature-v4';
import { build } from 'esbuild';
import { Sha256 } from '#local/edge/sigv4/sha256.ts';
import { until } from '../../support/until.ts';

export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export const root: Keys = { accessKeyId: 'test', secretAccessKey: 'test' };

/** Options for any SDK client. */
export const as = (endpoint: string, credentials: Keys = root) => ({
  endpoint,
  region: 'us-east-1',
  credentials: { ...credentials },
  maxAttempts: 1,
});

export interface Statement {
  readonly Effect?: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const policy = (statements: readonly Statement[]): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: statements.map((statement) => ({ Effect: 'Allow', ...statement })),
  });

/** An IAM user with an inline policy, and a key of it. */
export async function makeUser(aws: string, name: string, statements: readonly Statement[]): Promise<Keys> {
  const iam = new IAMClient(as(aws));
  await iam.send(new CreateUserCommand({ UserName: name }));
  if (statements.length > 0) {
    await iam.send(
      new PutUserPolicyCommand({ UserName: name, PolicyName: 'own', PolicyDocument: policy(statements) }),
    );
  }
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: name }));
  return { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' };
}

/** A role with an inline policy, trusted by a service. Gives its ARN and its id (`AROA…`). */
export async function makeRole(
  aws: string,
  name: string,
  { statements, trusts }: { readonly statements: readonly Statement[]; readonly trusts: object },
): Promise<{ arn: string; id: string }> {
  const iam = new IAMClient(as(aws));
  const trust = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: trusts, Action: 'sts:AssumeRole' }],
  };
  const { Role } = await iam.send(
    new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: JSON.stringify(trust) }),
  );
  if (statements.length > 0) {
    await iam.send(
      new PutRolePolicyCommand({ RoleName: name, PolicyName: 'own', PolicyDocument: policy(statements) }),
    );
  }
  return { arn: Role?.Arn ?? '', id: Role?.RoleId ?? '' };
}

/** A function made of source text, which may import the SDK; its role may do what the statements say. */
export async function makeFunction(
  aws: string,
  name: string,
  { source, statements }: { readonly source: string; readonly statements: readonly Statement[] },
): Promise<string> {
  const { arn } = await makeRole(aws, `${name}-role`, {
    statements,
    trusts: { Service: 'lambda.amazonaws.com' },
  });
  const { FunctionArn } = await new LambdaClient(as(aws)).send(
    new CreateFunctionCommand({
      FunctionName: name,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Role: arn,
      Timeout: 60,
      Environment: { Variables: { AWS_SDK_UA_APP_ID: name, AWS_MAX_ATTEMPTS: '1' } },
      Code: { ZipFile: await bundled(source) },
    }),
  );
  return FunctionArn ?? '';
}

async function bundled(source: string): Promise<Uint8Array> {
  const dir = mkdtempSync(join(tmpdir(), 'hm-fn-'));
  try {
    await build({
      stdin: { contents: source, loader: 'ts', resolveDir: import.meta.dirname },
      outfile: join(dir, 'index.js'),
      bundle: true,
      platform: 'node',
      format: 'cjs',
      target: 'node24',
      logLevel: 'error',
    });
    execFileSync('python3', ['-m', 'zipfile', '-c', 'code.zip', 'index.js'], { cwd: dir });
    return readFileSync(join(dir, 'code.zip'));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** An HTTP API with AWS_IAM on its routes, one function behind all of them. Gives its id. */
export async function makeApi(aws: string, functionArn: string, routes: readonly string[]): Promise<string> {
  const cloudformation = new CloudFormationClient(as(aws));
  await cloudformation.send(
    new CreateStackCommand({
      StackName: 'api',
      TemplateBody: JSON.stringify(apiTemplate(functionArn, routes)),
    }),
  );
  return until('the API is there', async () => {
    const { Stacks } = await cloudformation.send(new DescribeStacksCommand({ StackName: 'api' }));
    return Stacks?.[0]?.Outputs?.find(({ OutputKey }) => OutputKey === 'ApiId')?.OutputValue;
  });
}

function apiTemplate(functionArn: string, routes: readonly string[]): object {
  const made = routes.map((RouteKey, index) => [
    `Route${index}`,
    {
      Type: 'AWS::ApiGatewayV2::Route',
      Properties: {
        ApiId: { Ref: 'Api' },
        RouteKey,
        AuthorizationType: 'AWS_IAM',
        Target: { 'Fn::Join': ['/', ['integrations', { Ref: 'Integration' }]] },
      },
    },
  ]);
  return {
    Resources: {
      Api: { Type: 'AWS::ApiGatewayV2::Api', Properties: { Name: 'api', ProtocolType: 'HTTP' } },
      Stage: {
        Type: 'AWS::ApiGatewayV2::Stage',
        Properties: { ApiId: { Ref: 'Api' }, StageName: '$default', AutoDeploy: true },
      },
      Integration: {
        Type: 'AWS::ApiGatewayV2::Integration',
        Properties: {
          ApiId: { Ref: 'Api' },
          IntegrationType: 'AWS_PROXY',
          IntegrationUri: functionArn,
          PayloadFormatVersion: '2.0',
        },
      },
      ...Object.fromEntries(made),
    },
    Outputs: { ApiId: { Value: { Ref: 'Api' } } },
  };
}

export interface ApiRequest {
  readonly method?: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** What is signed, where it differs from what is sent. */
  readonly signing?: { readonly service?: string; readonly date?: Date; readonly region?: string };
}

/** The headers of a signed call. */
export async function signedHeaders(
  url: string,
  keys: Keys,
  { method = 'GET', body, headers = {}, signing = {} }: ApiRequest = {},
): Promise<Record<string, string>> {
  const { pathname, searchParams, host, protocol, hostname } = new URL(url);
  const query: Record<string, string[]> = {};
  for (const [name, value] of searchParams) (query[name] ??= []).push(value);
  const signer = new SignatureV4({
    service: signing.service ?? 'execute-api',
    region: signing.region ?? 'us-east-1',
    credentials: { ...keys },
    sha256: Sha256,
  });
  const request = { method, protocol, hostname, path: pathname, query, headers: { ...headers, host }, body };
  const signed = await signer.sign(request, signing.date ? { signingDate: signing.date } : {});
  const { host: _host, ...rest } = signed.headers;
  return rest;
}

/** A signed call as any client makes it. */
export async function call(url: string, keys: Keys, request: ApiRequest = {}): Promise<Response> {
  const headers = await signedHeaders(url, keys, request);
  const { method = 'GET', body } = request;
  return fetch(url, { method, headers, ...(body === undefined ? {} : { body: body as string }) });
}
