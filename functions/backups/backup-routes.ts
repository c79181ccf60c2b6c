import type { RouteHandlers } from '#shared/runtime/router.ts';
import { policyRoutes } from '#functions/policies/policy-routes.ts';
import type { PolicyPorts } from '#functions/policies/ports.ts';
import type { TransferPorts } from '#functions/transfers/ports.ts';
import { transferRoutes } from '#functions/transfers/transfer-routes.ts';
import type { Ports } from '#functions/volumes/ports.ts';
import { callOf } from '#functions/volumes/volume-routes.ts';
import { findBackup, showBackup } from './answer.ts';
import { copyBackup } from './copy-backup.ts';
import { createBackup } from './create-backup.ts';
import { drillBackup } from './drill-backup.ts';
import { deleteBackup } from './delete-backup.ts';
import { holdBackup } from './hold-backup.ts';
import { listBackups } from './list-backups.ts';
import { browseBackup, extractBackup } from './read-backup.ts';
import { restoreBackup } from './restore-backup.ts';

/** Each route of the backups API, as a call of its use case. */
export function backupRoutes(ports: PolicyPorts & TransferPorts): RouteHandlers<'backups'> {
  return {
    ...policyRoutes(ports),
    ...transferRoutes(ports),
    createBackup: (request) =>
      createBackup(ports, callOf(request, request.params.namespace), {
        volume: request.params.name,
        ...request.body,
      }),
    listBackups: async ({ params, query }) => ({
      status: 200,
      body: await listBackups(ports, params.namespace, query),
    }),
    getBackup: async ({ params }) => showBackup(await findBackup(ports, params.namespace, params.backup)),
    deleteBackup: (request) =>
      deleteBackup(ports, callOf(request, request.params.namespace), { backup: request.params.backup }),
    holdBackup: (request) =>
      holdBackup(ports, callOf(request, request.params.namespace), {
        backup: request.params.backup,
        held: true,
        reason: request.body.reason,
      }),
    releaseBackup: (request) =>
      holdBackup(ports, callOf(request, request.params.namespace), {
        backup: request.params.backup,
        held: false,
      }),
    ...usesOfBackups(ports),
  };
}

type Uses = 'copyBackup' | 'drillBackup' | 'browseBackup' | 'extractBackup' | 'restoreBackup';

/** What is made from a backup. */
function usesOfBackups(ports: Ports): Pick<RouteHandlers<'backups'>, Uses> {
  return {
    copyBackup: (request) =>
      copyBackup(ports, callOf(request, request.params.namespace), {
        backup: request.params.backup,
        ...request.body,
      }),
    drillBackup: (request) =>
      drillBackup(ports, callOf(request, request.params.namespace), {
        backup: request.params.backup,
        ...request.body,
      }),
    browseBackup: (request) =>
      browseBackup(ports, callOf(request, request.params.namespace), {
        backup: request.params.backup,
        ...request.body,
      }),
    extractBackup: (request) =>
      extractBackup(ports, callOf(request, request.params.namespace), {
        backup: request.params.backup,
        ...request.body,
      }),
    restoreBackup: (request) =>
      restoreBackup(ports, callOf(request, request.params.namespace), {
        backup: request.params.backup,
        ...request.body,
      }),
  };
}
