import { Agent, request } from 'node:http';
import * as z from 'zod';
import { EdgeError } from './errors.ts';
import type { Claim } from './sigv4/credential.ts';

const Failure = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

const Principal = z.object({
  secretAccessKey: z.string(),
  sessionToken: z.string().nullable(),
  accountId: z.string(),
  principalArn: z.string(),
  /** `AIDA…` of a user, `AROA…:session` of a role's session. */
  userId: z.string(),
  type: z.string(),
});
export type Principal = z.infer<typeof Principal>;

const Decision = z.object({ decision: z.enum(['Allow', 'Deny', 'ImplicitDeny']), sid: z.string() });
export type Decision = z.infer<typeof Decision>;

/** One thing that a caller wants to do. Context keys as IAM names them; a list is a multi-valued key. */
export interface Wish {
  readonly action: string;
  readonly resource: string;
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
  /** The resource does not exist: what a policy says of its tags counts as met, and the service answers NotFound. */
  readonly missing?: boolean;
}

export interface IdentityFailure {
  readonly code: string;
  readonly message: string;
}

/** Who has a key, and what its policies allow; answered by the emulator's own IAM over its unix socket. */
export interface Identity {
  /** A session's token must be the one that was given out with its key. */
  resolve(accessKeyId: string, sessionToken: string | undefined): Promise<Principal | IdentityFailure>;
  /** One decision for each wish, in order. @param who its key, and the Region that the call is for */
  authorize(
    who: { readonly accessKeyId: string; readonly region: string },
    wishes: readonly Wish[],
  ): Promise<Decision[]>;
  /** Both in one question, where the wishes do not depend on who asks. */
  admit(claim: Claim, wishes: readonly Wish[]): Promise<Admission | IdentityFailure>;
  close(): void;
}

const Admission = z.object({ principal: Principal, decisions: z.array(Decision) });
type Admission = z.infer<typeof Admission>;

export const isFailure = (found: object): found is IdentityFailure => 'code' in found;

/** @throws EdgeError IdentityUnavailable from each call while the emulator is away. */
export function identityOver(socketPath: string): Identity {
  const agent = new Agent({ keepAlive: true, timeout: 60_000 });
  const ask = async (path: string, body: unknown): Promise<unknown> =>
    post({ socketPath, agent, path }, JSON.stringify(body)).catch(() =>
      post({ socketPath, path }, JSON.stringify(body)),
    );
  return {
    async resolve(accessKeyId, sessionToken) {
      const answer = await ask('/resolve', { accessKeyId, sessionToken });
      const failed = Failure.safeParse(answer);
      return failed.success ? failed.data.error : Principal.parse(answer);
    },
    async authorize({ accessKeyId, region }, wishes) {
      const answer = await ask('/authorize', { accessKeyId, region, requests: wishes });
      const failed = Failure.safeParse(answer);
      if (failed.success) return wishes.map(() => ({ decision: 'ImplicitDeny', sid: '' }));
      return z.object({ decisions: z.array(Decision) }).parse(answer).decisions;
    },
    async admit({ accessKeyId, sessionToken, region }, wishes) {
      const answer = await ask('/admit', { accessKeyId, sessionToken, region, requests: wishes });
      const failed = Failure.safeParse(answer);
      return failed.success ? failed.data.error : Admission.parse(answer);
    },
    close: () => agent.destroy(),
  };
}

interface Where {
  readonly socketPath: string;
  readonly path: string;
  readonly agent?: Agent;
}

function post({ socketPath, path, agent }: Where, body: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const options = {
      socketPath,
      path,
      method: 'POST',
      headers,
      timeout: 10_000,
      ...(agent ? { agent } : {}),
    };
    const unavailable = (cause: unknown): void => {
      reject(
        new EdgeError(
          'IdentityUnavailable',
          `The emulator's identity service does not answer on ${socketPath}`,
          { cause },
        ),
      );
    };
    const call = request(options, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', unavailable);
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        if (answer.statusCode === 200) resolve(JSON.parse(text));
        else unavailable(text);
      });
    });
    call.on('timeout', () => call.destroy());
    call.on('error', unavailable);
    call.end(body);
  });
}
