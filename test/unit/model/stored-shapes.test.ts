import { createHash } from 'node:crypto';
import * as z from 'zod';
import { describe, expect, it } from 'vitest';
import { entities } from '#shared/aws/table/entities.ts';

/*
 * The shapes that the table holds, pinned. When this fails you have changed one of them: items written before are still there.
 *
 *   1. Can every item of the old shape be read with the new schema (a new field that is optional or has a default)? Then only
 *      pin the new hash.
 *   2. If not: raise the entity's `version` in shared/aws/table/entities.ts, read the old shape too (migrate in parseItem, by
 *      the stored `version`), add a test here that reads an item of the old shape, and pin version and hash.
 */
const pinned: Readonly<Record<string, string>> = {
  attachment: 'v1 e021f1a91bf8f335',
  attachmentTwin: 'v1 e021f1a91bf8f335',
  backing: 'v1 5e0ea815c43fa4a0',
  backup: 'v1 331a58b017c5cd5b',
  backupIndex: 'v1 71da764baf2e687e',
  device: 'v1 0168a33db9540097',
  drilled: 'v1 e224ebb736576f46',
  host: 'v1 64dbdd7122e9cddd',
  hostIndex: 'v1 c04bcab767883aac',
  hostPurge: 'v1 9726f8a92b3dd5e6',
  hostTask: 'v1 3dd93aa051162c99',
  importing: 'v1 5995ea375b208669',
  label: 'v1 3923d5dd6839666a',
  lease: 'v1 1f1653b7d54931ab',
  name: 'v1 9728df57362d23d6',
  observation: 'v1 c00b1fda6981da75',
  operation: 'v1 a9b978a229a8dc50',
  operationIndex: 'v1 a32bb219e3122ed9',
  policy: 'v1 afb437d70d818c51',
  policyIndex: 'v1 68dfabd15d93dc98',
  policyName: 'v1 84278f89d10b1f18',
  purge: 'v1 9726f8a92b3dd5e6',
  receipt: 'v1 6da418052f1c397b',
  restoring: 'v1 0ed6c89086b72585',
  run: 'v1 59aafa102bfdb734',
  runCopy: 'v1 c97a2d8cce1f82b4',
  runVolume: 'v1 ddf63d2fa5dcf2ad',
  seen: 'v1 26ac49b2a7b5f408',
  sharedJob: 'v1 3b22d42d7a97a571',
  sharedPoint: 'v1 3e2dd619bc17f5de',
  sharedUser: 'v1 6e969727954bcf11',
  step: 'v1 1db761a51ce335ab',
  task: 'v1 3dd93aa051162c99',
  tombstone: 'v1 6a2fe0a7a6d34f1e',
  transfer: 'v1 c696329f866d472a',
  used: 'v1 8022d47974fd28f2',
  volume: 'v1 1929234f151bd631',
  volumeBackup: 'v1 71da764baf2e687e',
  watched: 'v1 439a4e18098814dd',
};

function shapeOf(schema: z.ZodType): string {
  const json = JSON.stringify(z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' }));
  return createHash('sha256').update(json).digest('hex').slice(0, 16);
}

describe('stored shapes', () => {
  it('are the pinned ones', () => {
    const shapes = Object.entries(entities).map(([name, { schema, version }]) => [
      name,
      `v${version} ${shapeOf(schema)}`,
    ]);
    expect(Object.fromEntries(shapes)).toEqual(pinned);
  });
});
