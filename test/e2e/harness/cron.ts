import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestCloud } from './cloud.ts';

/** The documents' cron script as it is printed. */
export const backupScript = `#!/bin/bash
DATE=$(date +%Y%m%d)
for VOLUME in $(hivemind volume ls --format json | jq -r '.[] | select(.labels.backup=="true") | .name'); do
  hivemind volume backup --name $VOLUME --output /backups/$VOLUME-$DATE.tar.gz
done`;

/** Runs a script as cron does, without a terminal and with hardly any environment; `folder` is its /backups. What it says. */
export async function cron(cloud: TestCloud, text: string, folder: string): Promise<string> {
  const env = { PATH: `${join(cloud.file.home, 'bin')}:/usr/bin:/bin`, HOME: join(cloud.file.home, 'cli') };
  const script = text.replaceAll('/backups', folder);
  const { stdout } = await promisify(execFile)('/bin/bash', ['-c', script], { env, timeout: 140_000 });
  return stdout;
}
