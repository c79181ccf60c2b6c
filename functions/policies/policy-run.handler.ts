import { PolicyRunEnvironment } from '#shared/model/environment.ts';
import { workFunction } from '#shared/runtime/bundle.ts';
import { readEnvironment } from '#shared/runtime/environment.ts';
import { wirePorts } from '#functions/volumes/wire.ts';
import { throwNamed } from './run-errors.ts';
import { RunInput, runStep } from './run-step.ts';

const ports = wirePorts(readEnvironment(PolicyRunEnvironment));

export const handler = workFunction(RunInput, (input) => throwNamed(() => runStep(ports, input)));
