import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { metadataComment, parseMetadataComment, type ArchiveMetadata } from '#shared/model/archive.ts';
import {
  maxParts,
  maxTransferBytes,
  minPartBytes,
  partBytesFor,
  planParts,
  progressOf,
} from '#shared/model/transfer.ts';

const MiB = 2 ** 20;

describe('parts of a transfer', () => {
  test.prop([fc.integer({ min: 1, max: maxTransferBytes })])(
    'are whole MiB, at least 8, and at most 10,000 of them',
    (total) => {
      const size = partBytesFor(total);
      expect(size % MiB).toBe(0);
      expect(size).toBeGreaterThanOrEqual(minPartBytes);
      expect(Math.ceil(total / size)).toBeLessThanOrEqual(maxParts);
      expect(size === minPartBytes || (size - MiB) * maxParts < total).toBe(true);
    },
  );

  test.prop([fc.integer({ min: 1, max: 200 * MiB }), fc.integer({ min: MiB, max: 20 * MiB })])(
    'cover every byte once, in order',
    (total, size) => {
      let at = 0;
      for (const [index, part] of planParts(total, size).entries()) {
        expect(part).toMatchObject({ number: index + 1, offset: at });
        expect(part.sizeBytes).toBeGreaterThan(0);
        at += part.sizeBytes;
      }
      expect(at).toBe(total);
    },
  );

  it('of nothing are one part of nothing; more than S3 takes is refused', () => {
    expect(planParts(0)).toEqual([{ number: 1, offset: 0, sizeBytes: 0 }]);
    expect(() => partBytesFor(maxTransferBytes + 1)).toThrow(/more than one transfer takes/);
    expect(() => partBytesFor(Number.NaN)).toThrow(/more than one transfer takes/);
    expect(() => planParts(10_001, 1)).toThrow(/too small/);
  });
});

describe('progress', () => {
  it('reaches 100 only when all is done, and has no percent while nobody knows the end', () => {
    expect(progressOf(999, 1000)).toEqual({ doneBytes: 999, totalBytes: 1000, percent: 99 });
    expect(progressOf(1001, 1000).percent).toBe(100);
    expect(progressOf(0, 0).percent).toBe(100);
    expect(progressOf(7)).toEqual({ doneBytes: 7, totalBytes: undefined, percent: undefined });
  });
});

describe("a volume's metadata in an archive", () => {
  const metadata: ArchiveMetadata = {
    version: 1,
    name: 'data',
    type: 'network',
    driver: 'efs',
    sizeBytes: null,
    labels: { app: 'db' },
    options: { note: 'ünï\ncode' },
    owner: { uid: 0, gid: 0, mode: '0755' },
    filesystem: null,
    createdAt: '2026-11-29T02:00:00.000Z',
  };

  it('is one line of ASCII that reads back', () => {
    const comment = metadataComment(metadata);
    expect(comment).toMatch(/^[\x20-\x7e]+$/);
    expect(parseMetadataComment(comment)).toEqual(metadata);
  });

  it('is read by older programs, and not taken from what is not ours', () => {
    const newer = metadataComment(metadata).replace('{', '{"later":1,');
    expect(parseMetadataComment(newer)).toEqual(metadata);
    for (const other of [undefined, 'a commit', 'hivemind-volume {', 'hivemind-volume {"version":2}'])
      expect(parseMetadataComment(other)).toBeUndefined();
  });
});
