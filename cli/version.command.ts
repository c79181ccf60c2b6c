import process from 'node:process';
import { examples, globalFlags, leaf } from './command.ts';
import { version } from './version.ts';
import type { World } from './world.ts';

export function versionCommand({ terminal }: World) {
  return leaf('version', 'Print the version')
    .addHelpText('after', examples('hivemind version --json'))
    .action((_options, command) => {
      const { json, format } = globalFlags(command);
      const asJson = json === true || format === 'json';
      terminal.out(asJson ? JSON.stringify({ version, node: process.versions.node }) : `hivemind ${version}`);
    });
}
