import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { progressOn } from '#local/cloud/progress.ts';

/** An output that keeps what is written to it, and is a terminal or not. */
function output(isTTY: boolean): { out: NodeJS.WriteStream; text: () => string } {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk.toString());
      done();
    },
  });
  return {
    out: Object.assign(stream, { isTTY }) as unknown as NodeJS.WriteStream,
    text: () => chunks.join(''),
  };
}

const escape = '\u001b';
/** What a terminal shows in the end of what was written to it: styles away, and each line as it was last drawn. */
const shown = (text: string): string =>
  text
    .replaceAll(new RegExp(`${escape}\\[\\d+m`, 'g'), '')
    .split('\n')
    .map((line) => line.split(`\r${escape}[K`).at(-1))
    .join('\n');
const broken = (): Promise<never> => Promise.reject(new RangeError('no disk'));

// Its value here must not decide what the tests see.
beforeEach(() => void vi.stubEnv('CI', ''));
afterEach(() => void vi.unstubAllEnvs());

describe('progress on a terminal', () => {
  it('shows a step while it runs, and then in its place how it ended', async () => {
    const { out, text } = output(true);
    const gate = Promise.withResolvers<number>();
    const step = progressOn(out).step('storage service', () => gate.promise);
    expect(shown(text())).toBe('  … storage service');
    gate.resolve(7);
    expect(await step).toBe(7);
    expect(shown(text())).toMatch(/^ {2}✓ storage service \(\d+\.\d s\)\n$/);
  });

  it('marks the step that failed, and hands its error on', async () => {
    const { out, text } = output(true);
    await expect(progressOn(out).step('emulator', broken)).rejects.toThrow('no disk');
    expect(shown(text())).toMatch(/^ {2}✗ emulator \(\d+\.\d s\)\n$/);
  });
});

describe.each([
  ['no terminal', false, ''],
  ['a terminal in CI', true, 'true'],
])('progress on %s', (_, isTTY, ci) => {
  it('is one plain line for each step, once it has ended', async () => {
    vi.stubEnv('CI', ci);
    const { out, text } = output(isTTY);
    const progress = progressOn(out);
    const gate = Promise.withResolvers<void>();
    const step = progress.step('edge', () => gate.promise);
    expect(text()).toBe('');
    gate.resolve();
    await step;
    await expect(progress.step('stack', broken)).rejects.toThrow('no disk');
    progress.line('done');
    expect(text()).toMatch(/^ {2}ok edge \(\d+\.\d s\)\n {2}failed stack \(\d+\.\d s\)\ndone\n$/);
  });
});
