import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { imdsConfigSchema } from './config.ts';
import { metadataTree } from './metadata.ts';
import { assumeRole, roleSession, sessionKnown } from './role-session.ts';
import { imdsServer } from './server.ts';

/** `node imds.mjs --config FILE`: serves one machine's metadata until it is told to stop. */
const { values } = parseArgs({ options: { config: { type: 'string' } } });
const config = imdsConfigSchema.parse(JSON.parse(readFileSync(values.config ?? '', 'utf8')));
const session =
  config.role &&
  roleSession(config.role.name, { assume: assumeRole(config), stillKnown: sessionKnown(config) });
const server = imdsServer(metadataTree(config.instance, session));

server.listen(config.listen.port, config.listen.address, () => {
  const bound = server.address();
  if (!config.readyFile || bound === null || typeof bound === 'string') return;
  const fresh = `${config.readyFile}.new`;
  writeFileSync(fresh, JSON.stringify({ address: bound.address, port: bound.port, pid: process.pid }));
  renameSync(fresh, config.readyFile);
});

for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => process.exit(0));
