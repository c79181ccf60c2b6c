import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';

/** A call of Docker as it went by. */
export interface Passed {
  /** Such as `Mount`. */
  readonly call: string;
  readonly body: string;
  /** The agent's answer. */
  readonly answer: string;
  /** The agent has answered and Docker was not told: its connection was cut. */
  readonly lost: boolean;
}

/** Stands between dockerd and the agent's socket, and loses answers on their way. */
export interface PluginProxy {
  /** All calls since the last look. */
  take(): Passed[];
  /** The next answer to such a call is lost. */
  loseNext(call: string): void;
  close(): Promise<void>;
}

export async function startPluginProxy(paths: { listen: string; agent: string }): Promise<PluginProxy> {
  let losing: string | undefined;
  const passed: Passed[] = [];
  const server = createServer((asked, response) => void pass(asked, response));
  const pass = async (asked: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await textOf(asked);
    const call = (asked.url ?? '').replace(/^.*\./, '');
    const { status, headers, text } = await forward(paths.agent, asked, body);
    const lost = call === losing;
    if (lost) losing = undefined;
    passed.push({ call, body, answer: text, lost });
    if (lost) asked.socket.destroy();
    else response.writeHead(status, { 'content-type': headers['content-type'] }).end(text);
  };
  await new Promise<void>((resolve) => {
    server.listen(paths.listen, resolve);
  });
  return {
    take: () => passed.splice(0),
    loseNext: (call) => void (losing = call),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

function forward(socketPath: string, { url, method }: IncomingMessage, body: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path: url, method }, (answer) => {
      const { statusCode: status = 500, headers } = answer;
      textOf(answer).then((text) => resolve({ status, headers, text }), reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

async function textOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
