import type { RouteHandlers } from '#shared/runtime/router.ts';
import type { RouteRequest } from '#shared/runtime/router.ts';
import { createVolume } from '#functions/volumes/create-volume.ts';
import { deleteVolume } from '#functions/volumes/delete-volume.ts';
import { findVolume } from '#functions/volumes/find.ts';
import { listVolumes } from '#functions/volumes/list-volumes.ts';
import { showRecord } from '#functions/volumes/answer.ts';
import type { Call } from '#functions/volumes/ports.ts';
import { callOf } from '#functions/volumes/volume-routes.ts';
import { claimVolume } from './claim-volume.ts';
import { reportFormatted, takeTicket } from './format-ticket.ts';
import { releaseVolume, reportPurged } from './give-back.ts';
import { ownRecord, type HostPorts } from './host-ports.ts';
import { cutVolume, reportTask, type TaskPorts } from './host-tasks.ts';
import { completeExport, importSource, signExportParts, type HostTransferPorts } from './host-transfers.ts';
import { manifestOf, type ManifestPorts } from './manifests.ts';
import { grantRepository, type RepositoryPorts } from './grant-repository.ts';
import { registerHost } from './register-host.ts';
import { setLease } from './set-lease.ts';
import { syncHost } from './sync-host.ts';

type Signed = Pick<RouteRequest<'claimVolume'>, 'caller' | 'idempotencyKey' | 'requestHash' | 'ifMatch'>;

/** Each route of the hosts API, as a call of its use case. Who calls is IAM's word: no route takes a host's id. */
export type HostRoutePorts = TaskPorts & HostTransferPorts & ManifestPorts & RepositoryPorts;

export function hostRoutes(ports: HostRoutePorts): RouteHandlers<'hosts'> {
  return {
    registerHost: async ({ caller, body }) => ok(await registerHost(ports, caller, body)),
    syncHost: async ({ caller, body }) => ok(await syncHost(ports, caller, body)),
    claimVolume: (request) => claimVolume(ports, request, { ...request.params, ...request.body }),
    setLease: async ({ caller, params, body }) => ok(await setLease(ports, caller, { ...params, ...body })),
    takeTicket: async ({ caller, params, body }) =>
      ok(await takeTicket(ports, caller, { ...params, ...body })),
    reportFormatted: async ({ caller, params, body }) =>
      ok(await reportFormatted(ports, caller, { ...params, ...body })),
    releaseVolume: (request) => releaseVolume(ports, request, { ...request.params, ...request.body }),
    reportPurged: ({ caller, params, body }) => reportPurged(ports, caller, { ...params, ...body }),
    ...taskRoutes(ports),
    ...transferRoutes(ports),
    ...volumeRoutesOfHosts(ports),
  };
}

/** What the host was asked to do for operations. */
function taskRoutes(ports: HostRoutePorts) {
  return {
    cutVolume: async ({ caller, params, body }) => ok(await cutVolume(ports, caller, { ...params, ...body })),
    reportTask: async ({ caller, params, body }) =>
      ok(await reportTask(ports, caller, { ...params, ...body })),
    taskManifest: async ({ caller, params, body }) =>
      ok(await manifestOf(ports, caller, { ...params, ...body })),
    grantRepository: async ({ caller, params, body }) =>
      ok(await grantRepository(ports, caller, { ...params, ...body })),
  } satisfies Partial<RouteHandlers<'hosts'>>;
}

/** Archives that the host packs or unpacks. */
function transferRoutes(ports: HostTransferPorts) {
  return {
    signExportParts: async ({ caller, params, body }) =>
      ok({ parts: await signExportParts(ports, caller, { ...params, ...body }) }),
    completeExport: async ({ caller, params, body }) =>
      ok(await completeExport(ports, caller, { ...params, ...body })),
    importSource: async ({ caller, params, body }) =>
      ok(await importSource(ports, caller, { ...params, ...body })),
  } satisfies Partial<RouteHandlers<'hosts'>>;
}

/** What Docker asks of the volumes of the host's namespace. */
function volumeRoutesOfHosts(ports: HostPorts) {
  const inNamespace = async (request: Signed): Promise<Call> => {
    const { host } = await ownRecord(ports, request.caller);
    return callOf(request, host.namespace);
  };
  return {
    hostCreateVolume: async (request) => createVolume(ports, await inNamespace(request), request.body),
    hostListVolumes: async (request) => {
      const { namespace } = await inNamespace(request);
      return ok(await listVolumes(ports, namespace, request.query));
    },
    hostGetVolume: async (request) => {
      const { namespace } = await inNamespace(request);
      return showRecord(await findVolume(ports, namespace, request.params.name));
    },
    hostDeleteVolume: async (request) =>
      deleteVolume(ports, await inNamespace(request), { ...request.params, force: false, purge: false }),
  } satisfies Partial<RouteHandlers<'hosts'>>;
}

function ok<T>(body: T): { readonly status: 200; readonly body: T } {
  return { status: 200, body };
}
