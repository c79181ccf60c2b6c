import type { RequestListener } from 'node:http';
import type { Log } from './log.ts';
import type { RunningJob } from './reconcile/runner.ts';

export interface HealthPorts {
  readonly lastProgress: () => number;
  readonly pollMs: () => number;
  readonly isLinked: () => boolean;
  readonly running: () => readonly RunningJob[];
  readonly volumes: () => number;
  /** Folders that hostpath volumes may lie under. */
  readonly allowedRoots: readonly string[];
  readonly log: Log;
  readonly version: string;
  readonly now?: () => number;
}

/** Longest that one job may take (mkfs or fsck of the largest volume) and still count as known work. */
const longestJobMs = 2 * 60 * 60_000;

export interface Health {
  readonly healthy: boolean;
  readonly clauses: Readonly<Record<string, { readonly holds: boolean; readonly value: unknown }>>;
}

/** Healthy: the loop came round within twice the poll interval, or a known long job runs. The API being away is no illness. */
export function judge({ lastProgress, pollMs, running, now = Date.now }: HealthPorts): Health {
  const sinceMs = now() - lastProgress();
  const jobs = running().map(({ key, what, since }) => ({
    volume: key,
    what,
    seconds: (now() - since) / 1000,
  }));
  const clauses = {
    progress: {
      holds: sinceMs <= 2 * pollMs(),
      value: { seconds: sinceMs / 1000, limit: (2 * pollMs()) / 1000 },
    },
    longJob: {
      holds: jobs.length > 0 && jobs.every(({ seconds }) => seconds * 1000 < longestJobMs),
      value: jobs,
    },
  };
  return { healthy: clauses.progress.holds || clauses.longJob.holds, clauses };
}

/** GET /health on the agent's own socket: 200 or 503, each clause with its value. */
export function healthListener(ports: HealthPorts): RequestListener {
  return (request, response) => {
    if (request.url !== '/health' || request.method !== 'GET') {
      response.writeHead(404).end();
      return;
    }
    const health = judge(ports);
    if (!health.healthy) {
      for (const [clause, { holds, value }] of Object.entries(health.clauses)) {
        ports.log.error('unhealthy', { clause, holds, value });
      }
    }
    response.writeHead(health.healthy ? 200 : 503, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({
        ...health,
        version: ports.version,
        linked: ports.isLinked(),
        volumes: ports.volumes(),
        allowedRoots: ports.allowedRoots,
      }),
    );
  };
}
