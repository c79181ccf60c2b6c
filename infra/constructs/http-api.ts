import { CfnOutput } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import { HttpApi, HttpMethod, HttpStage, LogGroupLogDestination } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { routes } from '#shared/model/routes.ts';
import type { Route } from '#shared/model/routes.ts';

export interface VolumesHttpApiProps {
  /** Serves everything but hosts' routes, also what is no route: its answer is then a problem document. */
  readonly volumes: IFunction;
  /** Serves backups. */
  readonly backups: IFunction;
  /** Serves `/v1/host/…`. */
  readonly hosts: IFunction;
}

/** The HTTP API: the routes of shared/model/routes.ts, each behind IAM. */
export class VolumesHttpApi extends Construct {
  readonly api: HttpApi;
  readonly stage: HttpStage;

  constructor(scope: Construct, id: string, { volumes, backups, hosts }: VolumesHttpApiProps) {
    super(scope, id);
    this.api = new HttpApi(this, 'Http', {
      apiName: 'hivemind-volumes',
      description: 'Hivemind Volumes',
      createDefaultStage: false,
      defaultAuthorizer: new HttpIamAuthorizer(),
    });
    this.stage = new HttpStage(this, 'Stage', {
      httpApi: this.api,
      stageName: '$default',
      autoDeploy: true,
      // CloudWatch bills each metric of each route; the access log tells the same by route.
      detailedMetricsEnabled: false,
      throttle: { rateLimit: 200, burstLimit: 400 },
      accessLogSettings: {
        destination: new LogGroupLogDestination(
          new LogGroup(this, 'AccessLogs', { retention: RetentionDays.THREE_MONTHS }),
        ),
        format: AccessLogFormat.custom(accessLogFormat()),
      },
    });
    this.addRoutes({ volumes, backups, hosts });
  }

  /** Of API Gateway's own making; a custom domain would be in front of it. */
  get endpoint(): string {
    return this.api.apiEndpoint;
  }

  /** ARN of calls to a path (may hold `*`) by a method, or by all. */
  arnOf(path: string, method: HttpMethod = HttpMethod.ANY): string {
    return this.api.arnForExecuteApi(method, path, this.stage.stageName);
  }

  private addRoutes(served: VolumesHttpApiProps): void {
    // One permission for the whole API each: one per route would outgrow the 20 KB of a function's policy.
    const integrate = (id: string, target: IFunction) =>
      new HttpLambdaIntegration(id, target, { scopePermissionToRoute: false });
    const integrations = {
      volumes: integrate('Volumes', served.volumes),
      backups: integrate('Backups', served.backups),
      hosts: integrate('Hosts', served.hosts),
    };
    for (const route of Object.values<Route>(routes))
      this.api.addRoutes({
        path: route.path,
        methods: [HttpMethod[route.method]],
        integration: integrations[route.served],
      });
    this.api.addRoutes({ path: '/{proxy+}', methods: [HttpMethod.ANY], integration: integrations.volumes });
  }
}

/** Who called what with which outcome; never a header or a body. */
function accessLogFormat(): string {
  const context = (name: string) => `$context.${name}`;
  return JSON.stringify({
    requestId: context('requestId'),
    at: context('requestTime'),
    caller: context('identity.userArn'),
    sourceIp: context('identity.sourceIp'),
    route: context('routeKey'),
    path: context('path'),
    status: context('status'),
    error: context('error.message'),
    integrationError: context('integrationErrorMessage'),
    latency: context('responseLatency'),
    userAgent: context('identity.userAgent'),
  });
}

/** Adds an output under exactly this name. */
export function output(scope: Construct, name: string, value: string): void {
  new CfnOutput(scope, name, { value });
}
