import type { Duration } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, LoggingFormat, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type * as z from 'zod';
import { functions } from '#shared/model/environment.ts';
import type { FunctionName } from '#shared/model/environment.ts';
import { acknowledgeLint } from './acknowledge.ts';
import { metricsNamespace } from '#shared/model/metrics.ts';
import { grant } from '../permissions/permission.ts';
import type { Permission } from '../permissions/permission.ts';

/** Every variable of the function's schema, as text; one that is missing does not compile. */
type EnvironmentOf<N extends FunctionName> = Readonly<
  Record<Exclude<keyof z.infer<(typeof functions)[N]['environment']>, keyof typeof given>, string>
>;

/** What the construct itself fills in. */
const given = { POWERTOOLS_SERVICE_NAME: '', POWERTOOLS_METRICS_NAMESPACE: '', AWS_SDK_UA_APP_ID: '' };

export interface ProductFunctionProps<N extends FunctionName> {
  /** Key of `functions` in shared/model/environment.ts; names handler and schema. */
  readonly name: N;
  readonly environment: EnvironmentOf<N>;
  /** What the function may do, and nothing else. */
  readonly permissions: readonly Permission[];
  readonly timeout: Duration;
  /** @default 512 MiB */
  readonly memorySize?: number;
  /** Where an event goes that failed for good; for functions that are invoked asynchronously. */
  readonly onFailure?: IQueue;
}

/** In Lambda; plain text, so that other stacks can watch it without being tied to this one. */
export function functionName(name: FunctionName): string {
  return `hivemind-${name}`;
}

/** The one way a function is made: Node 24 on ARM64, bundled as ESM, traced, logging to a group of its own, with a role of its own. */
export class ProductFunction<N extends FunctionName = FunctionName> extends NodejsFunction {
  constructor(scope: Construct, id: string, props: ProductFunctionProps<N>) {
    const { name, permissions, onFailure } = props;
    const logGroup = new LogGroup(scope, `${id}Logs`, { retention: RetentionDays.ONE_MONTH });
    const role = executionRole(scope, { id, logGroup, permissions });
    super(scope, id, {
      functionName: functionName(name),
      description: `Hivemind Volumes: ${name}`,
      entry: functions[name].entry,
      depsLockFilePath: 'package-lock.json',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: props.memorySize ?? 512,
      timeout: props.timeout,
      tracing: Tracing.ACTIVE,
      loggingFormat: LoggingFormat.JSON,
      logGroup,
      role,
      environment: checkedEnvironment(name, props.environment),
      ...(onFailure === undefined ? {} : { onFailure: new SqsDestination(onFailure), retryAttempts: 1 }),
      bundling: {
        format: OutputFormat.ESM,
        target: 'node24',
        minify: true,
        mainFields: ['module', 'main'],
        bundleAwsSDK: true,
        externalModules: [],
        // Some dependencies are CommonJS and call require() on Node's own modules.
        banner: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);",
      },
    });
    acknowledgeLint(this, {
      W3005: 'The CDK also names the policy in DependsOn, and the role along with it.',
    });
  }
}

const tracing: Permission = {
  sid: 'Tracing',
  actions: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'],
  resources: ['*'],
  wildcard: 'X-Ray knows no resources for these calls.',
};

interface RoleParts {
  readonly id: string;
  readonly logGroup: LogGroup;
  readonly permissions: readonly Permission[];
}

/** Its own log group rather than the managed policy, which lets a function write to every group. */
function executionRole(scope: Construct, { id, logGroup, permissions }: RoleParts): Role {
  const role = new Role(scope, `${id}Role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  logGroup.grantWrite(role);
  grant(role, [...permissions, tracing]);
  return role;
}

/** Parses with the function's own schema, so that a value that would stop its cold start stops the synthesis instead. */
function checkedEnvironment<N extends FunctionName>(
  name: N,
  environment: EnvironmentOf<N>,
): Record<string, string> {
  const full: Record<string, string> = {
    ...environment,
    POWERTOOLS_SERVICE_NAME: name,
    POWERTOOLS_METRICS_NAMESPACE: metricsNamespace,
    AWS_SDK_UA_APP_ID: name,
  };
  functions[name].environment.parse(full);
  return full;
}
