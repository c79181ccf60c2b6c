import { parseCommand, usage, type AgentConfig } from './config.ts';
import { startDaemon, usableDrivers } from './daemon.ts';
import { thisMachine } from './host/machine.ts';
import { apiOverHttp } from './link/client.ts';
import { instanceCredentials } from './link/credentials.ts';
import { resolveRegion } from './link/region.ts';
import { wakeByDisk, wakeByQueue, type Waker } from './link/wake.ts';
import { jsonLog } from './log.ts';
import { errText } from './plugin/protocol.ts';
import { agentVersion } from './version.ts';

async function run(config: AgentConfig): Promise<void> {
  const log = jsonLog({ level: config.logLevel });
  const machine = await thisMachine();
  const region = await resolveRegion(config.region);
  const credentials = instanceCredentials();
  const drivers = await usableDrivers();
  const { endpoint } = config;
  const api = apiOverHttp({ endpoint, region, credentials, ...machine, agentVersion, drivers });
  let queue: { readonly url: string; readonly waker: Waker } | undefined;
  const daemon = await startDaemon({
    config,
    machine,
    api,
    log,
    version: agentVersion,
    onDenied: () => credentials.forget(),
    onRegistered: ({ queueUrl }, wake) => {
      if (queue?.url === queueUrl) return;
      void queue?.waker.stop();
      queue = { url: queueUrl, waker: wakeByQueue({ queueUrl, region, credentials, wake, log }) };
    },
  });
  const disk = wakeByDisk(() => daemon.wake());
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
  await Promise.all([disk.stop(), queue?.waker.stop(), daemon.stop()]);
}

async function main(): Promise<number> {
  try {
    const command = await parseCommand(process.argv.slice(2));
    if (command.kind === 'run') await run(command.config);
    else process.stdout.write(command.kind === 'help' ? usage : `${agentVersion}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`hivemind-agent: ${errText(error)}\n`);
    return 1;
  }
}

process.exitCode = await main();
