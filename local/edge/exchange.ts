import { setTimeout as delay } from 'node:timers/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { appIdOf, type CallLog } from './calls.ts';
import { faultAnswer } from './fault-answers.ts';
import type { Fault, Faults } from './faults.ts';
import { json, send, type Answer } from './http/answer.ts';
import { collect, passAnswer } from './http/forward.ts';
import type { Protocol } from './http/errors.ts';
import { peerProcess } from './peer.ts';

/** One call on its way through the edge, named. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly service: string;
  readonly action: string;
  readonly region: string;
  readonly protocol: Protocol;
  /** The body, where it was read. */
  readonly text?: string | undefined;
  /** Filled in as soon as it is known; the record of the call waits for it. */
  principalArn: string | null | Promise<string | null>;
}

/** What came of a call: an answer that streams from another server, one of the edge's own, or a connection that broke. */
export type Carried = IncomingMessage | Answer | 'reset';

export type CarryOut = () => Promise<Carried>;

export interface Control {
  readonly calls: CallLog;
  readonly faults: Faults;
}

/** Lets a call through, hits it with the fault that is switched on for it, and records it. */
export async function conduct(control: Control, exchange: Exchange, carryOut: CarryOut): Promise<void> {
  const { service, action, region, request } = exchange;
  const text = `${request.url ?? ''}\n${exchange.text ?? ''}`;
  const functionName = appIdOf(request.headers['user-agent']);
  const at = new Date().toISOString();
  const fault = control.faults.take({ service, action, functionName, text });
  const { status, end } = await perform(exchange, fault, carryOut);
  const { principalArn } = exchange;
  control.calls.note({
    at,
    service,
    action,
    region,
    functionName,
    principalArn,
    status,
    fault: fault?.kind ?? null,
  });
  await end();
}

/** How a call ends: the status of its answer, delivered or not, and what is left to do with the caller. */
interface Ending {
  readonly status: number | null;
  readonly end: () => Promise<void> | void;
}

async function perform(exchange: Exchange, fault: Fault | undefined, carryOut: CarryOut): Promise<Ending> {
  if (fault === undefined) return delivery(exchange, await carryOut());
  const instead = faultAnswer(fault.kind, exchange);
  if (instead) return delivery(exchange, instead);
  return hits[fault.kind as HardKind](exchange, fault, carryOut);
}

type HardKind = 'latency' | 'reset-before' | 'reset-after-commit' | 'kill-before' | 'kill-after';
type Hit = (exchange: Exchange, fault: Fault, carryOut: CarryOut) => Ending | Promise<Ending>;

const hits: Readonly<Record<HardKind, Hit>> = {
  async latency(exchange, fault, carryOut) {
    await delay(fault.ms);
    return delivery(exchange, await carryOut());
  },
  'reset-before': (exchange) => ({ status: null, end: () => reset(exchange) }),
  'reset-after-commit': async (exchange, _fault, carryOut) => ({
    status: await finish(await carryOut()),
    end: () => reset(exchange),
  }),
  'kill-before': (exchange) => ({
    status: null,
    end: () => kill(exchange, peerProcess(exchange.request.socket)),
  }),
  async 'kill-after'(exchange, _fault, carryOut) {
    const caller = peerProcess(exchange.request.socket);
    return { status: await finish(await carryOut()), end: () => kill(exchange, caller) };
  },
};

function delivery(exchange: Exchange, answer: Carried): Ending {
  const { response } = exchange;
  if (answer === 'reset') return { status: null, end: () => reset(exchange) };
  return 'body' in answer
    ? { status: answer.status, end: () => send(response, answer) }
    : { status: answer.statusCode ?? null, end: () => passAnswer(answer, response) };
}

async function finish(answer: Carried): Promise<number | null> {
  if (answer === 'reset') return null;
  if ('body' in answer) return answer.status;
  await collect(answer);
  return answer.statusCode ?? 0;
}

/** A connection reset, not a close: what a caller sees when the other machine vanishes. */
function reset({ request }: Exchange): void {
  request.socket.resetAndDestroy();
}

/** The caller dies without an answer. */
function kill(exchange: Exchange, pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  } catch {
    // It was faster.
  }
  reset(exchange);
}

/** What is left to say when the server behind does not answer; SDKs repeat after it. */
export const unavailable: Answer = json(503, { message: 'Service Unavailable' });
