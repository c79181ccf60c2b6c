import { startStorageService } from '#local/storage/service.ts';
import type { SettingsInput } from '#local/storage/settings.ts';

/** A storage service in a process of its own, to be killed: its options come as one JSON argument, its address goes out as one line. */
const { dir, serviceModels, settings } = JSON.parse(process.argv[2] ?? '{}') as {
  dir: string;
  serviceModels: string;
  settings: SettingsInput;
};
const service = await startStorageService({ dir, port: 0, serviceModels, settings });
process.stdout.write(`${JSON.stringify({ url: service.url, adminSocket: service.adminSocket })}\n`);
process.on('SIGTERM', () => void service.stop().then(() => process.exit(0)));
