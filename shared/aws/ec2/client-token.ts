import { createHash } from 'node:crypto';

/** Contract 4: the same volume and attempt give the same token, whoever asks and however often. 64 characters. */
export function clientToken(volumeId: string, attempt: number): string {
  return createHash('sha256').update(`${volumeId}#${attempt}`).digest('hex');
}
