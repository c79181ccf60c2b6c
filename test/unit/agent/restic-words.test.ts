import { describe, expect, it } from 'vitest';
import { restoreWarnings } from '#agent/restic/words.ts';

describe('what restic says after a restore that it calls incomplete', () => {
  const devices = new Set(['/data/dev/null']);
  const device = 'ignoring error for /data/dev/null: mknod: operation not permitted';

  it('is a note where it left out devices alone', () => {
    expect(restoreWarnings(device, '/data', devices)).toEqual(['left out, a device: ./dev/null']);
  });

  it('is a failure where it left out anything else, with devices or without', () => {
    const file = 'ignoring error for /data/db/data.sql: open: input/output error';
    expect(restoreWarnings(`${device}\n${file}`, '/data', devices)).toBeUndefined();
    expect(restoreWarnings(file, '/data', devices)).toBeUndefined();
  });

  it('is a failure where it names nothing', () => {
    expect(restoreWarnings('Fatal: wrong password', '/data', devices)).toBeUndefined();
  });
});
