import type { RouteHandlers } from '#shared/runtime/router.ts';
import { callOf } from '#functions/volumes/volume-routes.ts';
import { createExport, getExport, removeExport, signExport } from './exports.ts';
import { beginImport, completeImport, getImport, signImportParts } from './imports.ts';
import type { TransferPorts } from './ports.ts';

/** The routes of archives, which the backups API serves too. */
export function transferRoutes(ports: TransferPorts) {
  return {
    createExport: (request) =>
      createExport(ports, callOf(request, request.params.namespace), {
        volume: request.params.name,
        ...request.body,
      }),
    getExport: async ({ params }) => ok(await getExport(ports, params)),
    signExport: async ({ params }) => ok(await signExport(ports, params)),
    removeExport: async ({ params }) => ok(await removeExport(ports, params)),
    beginImport: async (request) => ({
      status: 201,
      body: await beginImport(ports, callOf(request, request.params.namespace), {
        volume: request.params.name,
        ...request.body,
      }),
    }),
    getImport: async ({ params }) => ok(await getImport(ports, params)),
    signImportParts: async ({ params, body }) =>
      ok({ parts: await signImportParts(ports, { ...params, ...body }) }),
    completeImport: (request) =>
      completeImport(ports, callOf(request, request.params.namespace), {
        upload: request.params.upload,
        ...request.body,
      }),
  } satisfies Partial<RouteHandlers<'backups'>>;
}

function ok<T>(body: T): { readonly status: 200; readonly body: T } {
  return { status: 200, body };
}
