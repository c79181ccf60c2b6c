import { fail, ok, warn, type Finding } from './finding.ts';
import type { System } from './system.ts';

/** What the agent says of itself at /health, as far as the doctor looks at it. */
interface Health {
  readonly linked?: unknown;
  readonly allowedRoots?: unknown;
}

/** Asks the agent itself, over its health socket. */
export async function checkAgent(system: System, socket: string): Promise<Finding[]> {
  const there = system.stat(socket);
  const start = 'systemctl start hivemind-agent; then: journalctl -u hivemind-agent';
  if (there === undefined) return [fail('agent', `no health socket at ${socket}`, start)];
  const answer = await system.request({ url: 'http://agent/health', socket, timeout: 3000 });
  if (answer === undefined) {
    return system.uid === 0
      ? [fail('agent', `nobody answers at ${socket}`, start)]
      : [warn('agent', `${socket} does not answer to you`, 'run "sudo hivemind doctor" to ask the agent')];
  }
  if (answer.status !== 200) {
    return [fail('agent', `not healthy: ${reasonOf(answer.text)}`, 'journalctl -u hivemind-agent')];
  }
  const health = parse(answer.text);
  return [ok('agent', 'healthy'), ...checkLink(health), ...checkRoots(system, health)];
}

function parse(text: string): Health {
  try {
    return (JSON.parse(text) ?? {}) as Health;
  } catch {
    return {};
  }
}

/** An agent that its API refuses is healthy, and yet of no use. */
function checkLink({ linked }: Health): Finding[] {
  if (linked === undefined) return [];
  if (linked === true) return [ok('link', 'the API takes this host')];
  const how = 'check its instance profile, and that the API answers from here; journalctl -u hivemind-agent';
  return [fail('link', 'the API does not take this host', how)];
}

/** Whoever owns a root of hostpath volumes could put another directory in a volume's place. */
function checkRoots(system: System, { allowedRoots }: Health): Finding[] {
  if (!Array.isArray(allowedRoots)) return [];
  const roots = allowedRoots.map(String);
  const wrong = roots.flatMap((root) => checkAllowedRoot(system, root));
  if (wrong.length > 0) return wrong;
  return [ok('roots', `hostpath volumes may lie under ${roots.length === 0 ? 'none' : roots.join(', ')}`)];
}

function checkAllowedRoot(system: System, root: string): Finding[] {
  const found = system.stat(root);
  // One that is not there is made when the first volume under it is.
  if (found === undefined) return [];
  if (found.kind !== 'directory')
    return [fail('roots', `${root} is not a directory`, 'take it out of allowedRoots')];
  if (found.uid !== 0)
    return [warn('roots', `${root} belongs to uid ${found.uid}`, `chown root:root ${root}`)];
  if ((found.mode & 0o022) === 0) return [];
  const mode = found.mode.toString(8);
  return [warn('roots', `${root} can be written by others (mode ${mode})`, `chmod go-w ${root}`)];
}

function reasonOf(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line === '' ? 'it does not say why' : line.slice(0, 300);
}
