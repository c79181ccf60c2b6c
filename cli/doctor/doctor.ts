import { ProductError } from '#shared/model/errors.ts';
import { wantsJson } from '../context.ts';
import type { GlobalFlags } from '../settings/flags.ts';
import type { World } from '../world.ts';
import { checkApi } from './api.checks.ts';
import type { Finding } from './finding.ts';
import { checkHost } from './host.checks.ts';
import type { System } from './system.ts';
import { thisSystem } from './this-system.ts';

export interface DoctorFlags extends GlobalFlags {
  readonly root?: string | undefined;
  readonly socket?: string | undefined;
}

/**
 * Runs every check and prints a line each.
 * @throws ProductError Unavailable when a check failed; the lines have said which
 */
export async function doctor(world: World, flags: DoctorFlags, system: System = thisSystem()): Promise<void> {
  const findings = [...(await checkApi(world, flags, system)), ...(await checkHost(world, flags, system))];
  world.terminal.out(wantsJson(flags) ? JSON.stringify(findings, null, 2) : findings.map(lineOf).join('\n'));
  const failed = findings.filter(({ status }) => status === 'fail').length;
  if (failed > 0) throw new ProductError('Unavailable', `${failed} of ${findings.length} checks failed.`);
}

function lineOf({ check, status, message, remedy }: Finding): string {
  const line = `${status.padEnd(4)}  ${check}: ${message}`;
  return remedy === undefined ? line : `${line} -> ${remedy}`;
}
