import type { RouteHandlers, RouteRequest } from '#shared/runtime/router.ts';
import type { RouteName } from '#shared/model/routes.ts';
import { ProductError } from '#shared/model/errors.ts';
import { defaultNamespace } from '#shared/model/names.ts';
import { attachVolume } from './attach-volume.ts';
import { createVolume } from './create-volume.ts';
import { deleteVolume } from './delete-volume.ts';
import { detachVolume } from './detach-volume.ts';
import { findVolume } from './find.ts';
import { drainHost, getHost, listHosts } from './hosts.ts';
import { listVolumes } from './list-volumes.ts';
import { getOperation, listOperations } from './operations.ts';
import type { Call, Ports } from './ports.ts';
import { seedList } from './seed-list.ts';
import { showWithBackups } from './backup-history.ts';
import { undeleteVolume } from './undelete-volume.ts';
import { updateVolume } from './update-volume.ts';

/** The product's version, as whoAmI says it. */
export const version = '0.1.0';

type AnyRequest = Pick<RouteRequest<RouteName>, 'caller' | 'idempotencyKey' | 'requestHash' | 'ifMatch'>;

/** The call behind a request, in a namespace. */
export function callOf(
  { caller, idempotencyKey, requestHash, ifMatch }: AnyRequest,
  namespace: string = defaultNamespace,
): Call {
  return { caller, idempotencyKey, requestHash, ifMatch, namespace };
}

/** Each route of the volumes API, as a call of its use case. */
export function volumeRoutes(ports: Ports): RouteHandlers<'volumes'> {
  return {
    createVolume: (request) => createVolume(ports, callOf(request, request.params.namespace), request.body),
    listVolumes: async ({ params, query }) => ok(await listVolumes(ports, params.namespace, query)),
    getVolume: async ({ params }) =>
      showWithBackups(ports, await findVolume(ports, params.namespace, params.name)),
    updateVolume: (request) =>
      updateVolume(ports, callOf(request, request.params.namespace), {
        name: request.params.name,
        update: request.body,
      }),
    deleteVolume: (request) =>
      deleteVolume(ports, callOf(request, request.params.namespace), {
        name: request.params.name,
        force: request.query.force ?? false,
        purge: request.query.purge ?? false,
      }),
    undeleteVolume: (request) =>
      undeleteVolume(ports, callOf(request, request.params.namespace), {
        name: request.params.name,
        ...request.body,
      }),
    attachVolume: (request) =>
      attachVolume(ports, callOf(request, request.params.namespace), {
        name: request.params.name,
        ...request.body,
      }),
    detachVolume: (request) =>
      detachVolume(ports, callOf(request, request.params.namespace), {
        name: request.params.name,
        ...request.body,
      }),
    ...operationAndHostRoutes(ports),
    ...seedRoutes(ports),
  };
}

function operationAndHostRoutes(ports: Ports) {
  return {
    listOperations: async ({ params, query }) => ok(await listOperations(ports, params.namespace, query)),
    getOperation: async ({ params }) => ok(await getOperation(ports, params.namespace, params.operation)),
    listHosts: async ({ params, query }) => ok(await listHosts(ports, params.namespace, query)),
    getHost: async ({ params }) => ok(await getHost(ports, params.namespace, params.host)),
    drainHost: async (request) => {
      const { namespace, host } = request.params;
      const drain = { hostId: host, draining: request.body.draining };
      return ok(await drainHost(ports, callOf(request, namespace), drain));
    },
    whoAmI: ({ caller }) => Promise.resolve(ok({ ...caller, now: ports.clock().toISOString(), version })),
  } satisfies Partial<RouteHandlers<'volumes'>>;
}

/** The routes and bodies of the product's first documents; all in the default namespace. */
function seedRoutes(ports: Ports) {
  return {
    seedCreate: (request) => createVolume(ports, callOf(request), request.body),
    seedList: ({ query }) => seedList(ports, query),
    seedDelete: (request) => deleteVolume(ports, callOf(request), { ...request.body, purge: false }),
    seedDeploy: () =>
      Promise.reject(
        new ProductError('NotImplemented', 'Deploying applications is not part of this release.', {
          allowed: 'volumes: create, list, attach, detach, delete',
          hint: 'Missing are the deployment of containers and their volume mounts. Run the container with docker run -v NAME:PATH or Compose, with driver hivemind.',
        }),
      ),
  } satisfies Partial<RouteHandlers<'volumes'>>;
}

function ok<T>(body: T): { readonly status: 200; readonly body: T } {
  return { status: 200, body };
}
