import { describe, expect, it } from 'vitest';
import { asProductError, errorJson, errorLines } from '#cli/render/error.ts';
import { details, table } from '#cli/render/table.ts';
import { ago, until } from '#cli/render/time.ts';
import { volumeDetails } from '#cli/render/volume.ts';
import { progressBar } from '#cli/terminal/progress-bar.ts';
import { plainProgress } from '#cli/terminal/plain-progress.ts';
import { ProductError } from '#shared/model/errors.ts';
import { aVolume } from './support/values.ts';

describe('errors for people', () => {
  it('tell what is wrong, the value, what is allowed, what to do', () => {
    const error = new ProductError('InvalidInput', 'The size is not valid.', {
      value: '10X',
      allowed: '"10G"',
      hint: 'Try --size 10G.',
    });
    expect(errorLines(error)).toBe(
      'hivemind: The size is not valid.\n  got: "10X"\n  allowed: "10G"\n  next: Try --size 10G.',
    );
  });

  it('do not say a value twice', () => {
    expect(errorLines(new ProductError('InvalidInput', '"10X" is not a size.', { value: '10X' }))).toBe(
      'hivemind: "10X" is not a size.',
    );
  });

  it('name every field that is wrong, and one alone only once', () => {
    const issues = [
      { path: 'name', message: 'too long', value: 'x' },
      { path: 'size', message: 'not a size' },
    ];
    expect(errorLines(new ProductError('InvalidInput', 'Two fields.', { issues }))).toBe(
      'hivemind: Two fields.\n  - name: too long (got "x")\n  - size: not a size',
    );
    const [one] = issues;
    const single = new ProductError('InvalidInput', '"name" in the body is not valid: too long.', {
      ...(one === undefined ? {} : { issues: [one] }),
      value: 'x',
    });
    expect(errorLines(single)).toBe('hivemind: "name" in the body is not valid: too long.\n  got: "x"');
  });

  it('never hold a stack, whatever was thrown', () => {
    expect(errorLines(asProductError(new TypeError('x is not a function')))).toBe(
      'hivemind: x is not a function',
    );
    expect(errorLines(asProductError('text'))).toBe('hivemind: text');
  });

  it('cannot drive the terminal they are read on', () => {
    const error = new ProductError('VolumeNotFound', 'No volume "\u001b]0;owned\u0007".', {
      hint: '\u009b2J',
    });
    expect(errorLines(error)).toBe('hivemind: No volume "\uFFFD]0;owned\uFFFD".\n  next: \uFFFD2J');
  });
});

it('errors for programs are problem documents on one line', () => {
  const text = errorJson(new ProductError('VolumeBusy', 'In use.', { about: { host: 'i-1' } }));
  expect(text).not.toContain('\n');
  expect(JSON.parse(text)).toMatchObject({
    code: 'VolumeBusy',
    status: 409,
    retryable: true,
    about: { host: 'i-1' },
  });
});

describe('tables', () => {
  it('have no borders and no trailing spaces', () => {
    expect(
      table(
        ['NAME', 'SIZE'],
        [
          ['a', '10G'],
          ['longer', ''],
        ],
      ),
    ).toBe('NAME     SIZE\na        10G\nlonger');
  });

  it('show control characters as signs', () => {
    expect(details([['Description', 'a\u001b[31mb\nc']])).toBe('Description: a\uFFFD[31mb\uFFFDc');
  });

  it('leave out what there is none of', () => {
    expect(
      details([
        ['A', ''],
        ['Bcd', 'x'],
        ['E', undefined],
        ['F', 'y'],
      ]),
    ).toBe('Bcd: x\nF:   y');
  });
});

it('a volume’s details name its attachment and its containers', () => {
  const text = volumeDetails(
    aVolume({
      state: 'attached',
      attachments: [
        {
          host: 'i-0000000000000000a',
          readOnly: false,
          inUse: true,
          epoch: 1,
          mountpoint: '/var/lib/hivemind/volumes/db',
          containers: ['a'.repeat(64), 'web'],
          since: '1970-01-01T00:00:00.000Z',
        },
      ],
      storage: { kind: 'ebs', volumeId: 'vol-0123', provisionedGiB: 10, volumeType: 'gp3' },
    }),
    60_000,
  );
  expect(text).toContain('Size:        10G (10 GiB provisioned)');
  expect(text).toContain('Storage:     EBS vol-0123 (gp3)');
  expect(text).toContain(
    'Attached to: i-0000000000000000a, in use, /var/lib/hivemind/volumes/db, containers aaaaaaaaaaaa web',
  );
  expect(text).toContain(
    'Created:     1970-01-01T00:00:00.000Z (1m ago) by arn:aws:iam::000000000000:user/someone',
  );
});

describe('times', () => {
  const at = (seconds: number): string => new Date(seconds * 1000).toISOString();
  it.each([
    [0, '0s ago'],
    [59, '59s ago'],
    [60, '1m ago'],
    [7200, '2h ago'],
    [200_000, '2d ago'],
  ])('%i seconds', (seconds, text) => expect(ago(at(0), seconds * 1000)).toBe(text));
  it('to come', () => {
    expect(until(at(7200), 0)).toBe('in 2h');
    expect(until(at(0), 1000)).toBe('now');
  });
});

it('plain progress writes a line only when something is new', () => {
  const lines: string[] = [];
  const progress = plainProgress('create db', (line) => lines.push(line));
  progress.report(0, '');
  progress.report(10, 'creating');
  progress.report(10, 'creating');
  progress.report(90, 'creating');
  progress.done('create db: done');
  expect(lines).toEqual([
    'create db',
    'create db: creating (10%)',
    'create db: creating (90%)',
    'create db: done',
  ]);
});

it('a progress bar redraws one line that fits, and leaves nothing behind', () => {
  const written: string[] = [];
  const bar = progressBar('create db', { columns: 50, write: (text) => void written.push(text) });
  bar.report(50, 'Creating an EBS volume of 10 GiB in us-east-1a');
  bar.done('create db: done');
  const [begun = '', half = '', end = ''] = written;
  expect(begun).toBe(`\r\u001b[K${'░'.repeat(20)}   0% create db`);
  expect(half).toBe(`\r\u001b[K${'█'.repeat(10)}${'░'.repeat(10)}  50% create db: Creating an `);
  expect(half.replace('\r\u001b[K', '').length).toBeLessThan(50);
  expect(end).toBe('\r\u001b[K');
});
