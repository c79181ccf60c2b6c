import { request } from 'node:http';

export interface PluginAnswer {
  readonly Err: string;
  readonly Mountpoint?: string;
  readonly Volume?: {
    readonly Name: string;
    readonly Mountpoint: string;
    readonly Status?: Record<string, unknown>;
  };
  readonly Volumes?: readonly { readonly Name: string; readonly Mountpoint: string }[];
  readonly Capabilities?: { readonly Scope: string };
  readonly Implements?: readonly string[];
}

/** Speaks to a plugin's socket as dockerd does. */
export function pluginOn(socketPath: string) {
  return (call: string, body?: unknown): Promise<PluginAnswer> =>
    new Promise((resolve, reject) => {
      const path = call.startsWith('Plugin.') ? `/${call}` : `/VolumeDriver.${call}`;
      const sent = request({ socketPath, path, method: 'POST' }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')) as PluginAnswer));
        answer.on('error', reject);
      });
      sent.on('error', reject);
      sent.end(body === undefined ? '' : JSON.stringify(body));
    });
}
