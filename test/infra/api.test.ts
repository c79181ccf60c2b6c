import { expect, test } from 'vitest';
import { routes } from '#shared/model/routes.ts';
import type { Route } from '#shared/model/routes.ts';
import { Resource, resourcesOf, synthesise, missing } from './support/synth.ts';

const { controlPlane: template } = synthesise();
const deployed = Object.values(resourcesOf(template, 'AWS::ApiGatewayV2::Route')).map(
  ({ Properties }) => Properties,
);

test('every route of the API is deployed, and nothing else but the catch-all that answers with a problem', () => {
  const expected = Object.values<Route>(routes).map(({ method, path }) => `${method} ${path}`);
  expect(deployed.map(({ RouteKey }) => String(RouteKey)).toSorted()).toEqual(
    [...expected, 'ANY /{proxy+}'].toSorted(),
  );
});

test.each(deployed.map((route) => [route['RouteKey'], route] as const))('%s demands SigV4', (_, route) => {
  expect(route['AuthorizationType']).toBe('AWS_IAM');
});

/** The function behind a route, by the integration it names. */
function targetOf(route: Resource['Properties']): string {
  const integrations = resourcesOf(template, 'AWS::ApiGatewayV2::Integration');
  const id = Object.keys(integrations).find((key) => JSON.stringify(route['Target']).includes(key));
  return JSON.stringify(integrations[id ?? '']?.Properties['IntegrationUri']);
}

test.each(
  Object.values<Route>(routes).map((route) => [`${route.method} ${route.path}`, route.served] as const),
)('%s goes to the function that serves %s', (key, served) => {
  const route = deployed.find(({ RouteKey }) => RouteKey === key);
  const targets = {
    hosts: 'FunctionsHostsApi',
    backups: 'FunctionsBackupsApi',
    volumes: 'FunctionsVolumesApi',
  };
  expect(targetOf(route ?? {})).toContain(targets[served]);
});

test('the one stage logs who called what, pays for no metric per route, and holds a flood back', () => {
  expect(Object.keys(resourcesOf(template, 'AWS::ApiGatewayV2::Stage'))).toHaveLength(1);
  expect(
    missing(template, 'AWS::ApiGatewayV2::Stage', {
      StageName: '$default',
      AutoDeploy: true,
      DefaultRouteSettings: {
        DetailedMetricsEnabled: false,
        ThrottlingBurstLimit: 400,
        ThrottlingRateLimit: 200,
      },
    }),
  ).toBe('');
  const [stage] = Object.values(resourcesOf(template, 'AWS::ApiGatewayV2::Stage'));
  const format = String(Resource.shape.Properties.parse(stage?.Properties['AccessLogSettings'])['Format']);
  expect(Object.keys(JSON.parse(format) as object)).toEqual(
    expect.arrayContaining(['requestId', 'caller', 'route', 'status', 'latency']),
  );
  expect(format).not.toMatch(/authorization|body/i);
});

test('only API Gateway, for this API alone, may call the functions behind it', () => {
  const permissions = Object.values(resourcesOf(template, 'AWS::Lambda::Permission')).map(
    ({ Properties }) => Properties,
  );
  expect(permissions).toHaveLength(3);
  for (const permission of permissions) {
    expect(permission).toMatchObject({
      Action: 'lambda:InvokeFunction',
      Principal: 'apigateway.amazonaws.com',
    });
    expect(JSON.stringify(permission['SourceArn'])).toContain('ApiHttp17514DA7');
  }
});
