import { withConsistency, type ConsistencyPlan } from '#agent/freeze/consistency.ts';
import { systemFreeze } from '#agent/freeze/system.ts';
import { dockerCommands } from '#agent/host/docker-exec.ts';
import { systemExec } from '#agent/host/exec.ts';
import { systemMounts } from '#agent/host/mounts.ts';
import { silentLog } from '#agent/log.ts';
import { isProductError } from '#shared/model/errors.ts';

/** For a host with a mount table of its own: carries a plan out over it and prints what came of it. SOCKET ROOT PLAN. */
const [socket = '', root = '', plan = '{}'] = process.argv.slice(2);
const exec = systemExec(silentLog);
const docker = dockerCommands(socket);
const log = silentLog;
const ports = { ...systemFreeze({ root, docker, exec, mounts: systemMounts(exec), log }), docker };

async function carryOut(): Promise<unknown> {
  try {
    return await withConsistency(ports, JSON.parse(plan) as ConsistencyPlan, () => docker.dataRoot());
  } catch (error) {
    return { error: isProductError(error) ? error.toProblem() : String(error) };
  }
}

process.stdout.write(JSON.stringify(await carryOut()));
