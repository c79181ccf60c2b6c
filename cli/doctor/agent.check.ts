import { fail, ok, warn, type Finding } from './finding.ts';
import type { System } from './system.ts';

/** Asks the agent itself, over its health socket. */
export async function checkAgent(system: System, socket: string): Promise<Finding> {
  const there = system.stat(socket);
  const start = 'systemctl start hivemind-agent; then: journalctl -u hivemind-agent';
  if (there === undefined) return fail('agent', `no health socket at ${socket}`, start);
  const answer = await system.request({ url: 'http://agent/health', socket, timeout: 3000 });
  if (answer === undefined) {
    return system.uid === 0
      ? fail('agent', `nobody answers at ${socket}`, start)
      : warn('agent', `${socket} does not answer to you`, 'run "sudo hivemind doctor" to ask the agent');
  }
  if (answer.status === 200) return ok('agent', 'healthy');
  return fail('agent', `not healthy: ${reasonOf(answer.text)}`, 'journalctl -u hivemind-agent');
}

function reasonOf(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line === '' ? 'it does not say why' : line.slice(0, 300);
}
