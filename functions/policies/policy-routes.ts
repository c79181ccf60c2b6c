import type { RouteHandlers } from '#shared/runtime/router.ts';
import { callOf } from '#functions/volumes/volume-routes.ts';
import { deletePolicy, pausePolicy, updatePolicy } from './change-policy.ts';
import { createPolicy } from './create-policy.ts';
import { listPolicies, listRuns, listRunVolumes } from './list-policies.ts';
import type { PolicyPorts } from './ports.ts';
import { previewPolicy } from './preview-policy.ts';
import { runPolicy } from './run-policy.ts';
import { findPolicy, findRun, showPolicy, viewRun } from './view.ts';

type PolicyRoutes = Pick<
  RouteHandlers<'backups'>,
  | 'createPolicy'
  | 'listPolicies'
  | 'getPolicy'
  | 'updatePolicy'
  | 'deletePolicy'
  | 'pausePolicy'
  | 'resumePolicy'
  | 'previewPolicy'
  | 'runPolicy'
  | 'listPolicyRuns'
  | 'getPolicyRun'
  | 'listRunVolumes'
>;

const ok = <T>(body: T) => ({ status: 200, body }) as const;

/** Each route about policies, as a call of its use case. */
export function policyRoutes(ports: PolicyPorts): PolicyRoutes {
  return {
    createPolicy: (request) => createPolicy(ports, callOf(request, request.params.namespace), request.body),
    listPolicies: async ({ params, query }) => ok(await listPolicies(ports, params.namespace, query)),
    getPolicy: async ({ params: { namespace, policy } }) =>
      showPolicy(await findPolicy(ports.table, namespace, policy), ports.clock()),
    updatePolicy: (request) =>
      updatePolicy(ports, callOf(request, request.params.namespace), {
        policy: request.params.policy,
        update: request.body,
      }),
    deletePolicy: (request) => deletePolicy(ports, callOf(request, request.params.namespace), request.params),
    pausePolicy: (request) =>
      pausePolicy(ports, callOf(request, request.params.namespace), {
        policy: request.params.policy,
        paused: true,
      }),
    resumePolicy: (request) =>
      pausePolicy(ports, callOf(request, request.params.namespace), {
        policy: request.params.policy,
        paused: false,
      }),
    previewPolicy: async ({ params, query }) => ok(await previewPolicy(ports, params, query)),
    runPolicy: (request) =>
      runPolicy(ports, callOf(request, request.params.namespace), {
        ...request.params,
        ...request.query,
      }),
    listPolicyRuns: async ({ params, query }) => ok(await listRuns(ports, params, query)),
    getPolicyRun: async ({ params: { namespace, policy, run } }) =>
      ok(viewRun(await findRun(ports.table, await findPolicy(ports.table, namespace, policy), run))),
    listRunVolumes: async ({ params, query }) => ok(await listRunVolumes(ports, params, query)),
  };
}
