import { beforeEach, describe, expect, it } from 'vitest';
import { withConsistency } from '#agent/freeze/consistency.ts';
import { withHooks, type HookPorts } from '#agent/freeze/hooks.ts';
import { fakeExec, fakeMounts } from '../fakes.ts';
import { fakeWatchdog } from './fake-watchdog.ts';
import type { ContainerCommand, ContainerResult } from '#agent/host/docker-exec.ts';
import { tailOf } from '#agent/host/output-tail.ts';
import { jsonLog } from '#agent/log.ts';
import { ProductError } from '#shared/model/errors.ts';

let ran: ContainerCommand[];
let log: string[];
let ports: HookPorts;
let answers: Record<string, ContainerResult | Error>;

beforeEach(() => {
  ran = [];
  log = [];
  answers = {};
  ports = {
    log: jsonLog({ write: (line) => void log.push(line) }),
    docker: {
      run: (command) => {
        ran.push(command);
        const answer = answers[command.command[0] ?? ''] ?? { code: 0, output: '' };
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
      },
    },
  };
});

const hook = (program: string, onError?: 'fail' | 'continue') => ({
  container: 'db',
  command: [program, 'argument'],
  ...(onError === undefined ? {} : { onError }),
});
const work = (): Promise<string> => {
  ran.push({ container: 'none', command: ['work'], timeoutMs: 0 });
  return Promise.resolve('cut');
};
const order = (): unknown[] => ran.map(({ command }) => command[0]);

describe('hooks', () => {
  it('run around the work, each with its own time-out or 30 s', async () => {
    answers['lock'] = { code: 0, output: 'locked' };
    const hooks = { before: { ...hook('lock'), timeoutMs: 5, user: 'postgres' }, after: hook('unlock') };
    const done = await withHooks(ports, hooks, work);
    expect(done.result).toBe('cut');
    expect(done.hooks).toMatchObject([
      { when: 'before', container: 'db', ok: true, code: 0, output: 'locked' },
      { when: 'after', ok: true },
    ]);
    expect(ran).toMatchObject([
      { container: 'db', command: ['lock', 'argument'], timeoutMs: 5, user: 'postgres' },
      { command: ['work'] },
      { command: ['unlock', 'argument'], timeoutMs: 30_000 },
    ]);
  });

  it.each([
    [
      'ends with another exit code',
      { code: 3, output: 'no lock' },
      'CommandFailed',
      'exit code 3. It wrote: no lock',
    ],
    ['is not done in time', new ProductError('TimedOut', 'It took long.'), 'TimedOut', 'It took long.'],
    [
      'cannot be run',
      new ProductError('CommandFailed', 'No such container.'),
      'CommandFailed',
      'No such container.',
    ],
  ])(
    'before: one that %s keeps the work from beginning, and the one after runs',
    async (...[, answer, code, words]) => {
      answers['lock'] = answer;
      const failing = withHooks(ports, { before: hook('lock'), after: hook('unlock') }, work);
      await expect(failing).rejects.toMatchObject({
        code,
        message: expect.stringContaining(words) as string,
      });
      expect(order()).toEqual(['lock', 'unlock']);
    },
  );

  it('that may fail are reported, and the work goes on', async () => {
    answers['lock'] = { code: 1, output: '' };
    answers['unlock'] = new ProductError('TimedOut', 'It took long.');
    const hooks = { before: hook('lock', 'continue'), after: hook('unlock', 'continue') };
    const done = await withHooks(ports, hooks, work);
    expect(done.hooks).toMatchObject([
      { ok: false, code: 1, error: 'It ended with exit code 1.' },
      { ok: false, error: 'It took long.' },
    ]);
    expect(done.result).toBe('cut');
  });

  it('after: runs when the work failed, and what the work said comes first', async () => {
    answers['unlock'] = { code: 1, output: '' };
    const failing = withHooks(ports, { before: hook('lock'), after: hook('unlock') }, () =>
      Promise.reject(new ProductError('Throttled', 'slowly')),
    );
    await expect(failing).rejects.toMatchObject({ code: 'Throttled' });
    expect(order()).toEqual(['lock', 'unlock']);
  });

  it('after: one that fails fails the whole, unless it may', async () => {
    answers['unlock'] = { code: 1, output: '' };
    await expect(withHooks(ports, { after: hook('unlock') }, work)).rejects.toMatchObject({
      code: 'CommandFailed',
      message: expect.stringContaining('after the backup') as string,
    });
  });

  it('tell neither log nor caller what looks like a secret, and the log no arguments', async () => {
    answers['sh'] = { code: 1, output: 'login failed: password=hunter2' };
    const before = { container: 'db', command: ['sh', '-c', 'dump hunter2'] };
    await expect(withHooks(ports, { before }, work)).rejects.toMatchObject({
      message: expect.stringContaining('login failed: password=***') as string,
    });
    expect(log.join('\n')).toContain('"program":"sh"');
    expect(log.join('\n')).not.toContain('hunter2');
  });
});

describe('consistency none', () => {
  it('is the work alone', async () => {
    const watchdog = fakeWatchdog();
    const freeze = {
      exec: fakeExec({}),
      mounts: fakeMounts(),
      stages: '/nowhere',
      spared: () => Promise.resolve([]),
      startWatchdog: watchdog.start,
    };
    const done = await withConsistency({ ...ports, ...freeze }, {}, work);
    expect(done).toEqual({ result: 'cut', frozenMs: 0, hooks: [] });
    expect(watchdog.deadlines).toEqual([]);
  });
});

describe('the output of a command in a container', () => {
  const frame = (stream: number, text: string): Buffer => {
    const header = Buffer.alloc(8);
    header[0] = stream;
    header.writeUInt32BE(Buffer.byteLength(text), 4);
    return Buffer.concat([header, Buffer.from(text)]);
  };
  const bytes = Buffer.concat([frame(1, 'one '), frame(2, ''), frame(2, 'two '), frame(1, 'three\n')]);

  it('is both streams in their order, however it is cut into chunks', () => {
    for (let size = 1; size <= bytes.length; size++) {
      const tail = tailOf();
      for (let at = 0; at < bytes.length; at += size) tail.push(bytes.subarray(at, at + size));
      expect(tail.text()).toBe('one two three');
    }
  });

  it('is cut to its end', () => {
    const tail = tailOf(10);
    tail.push(bytes);
    tail.push(frame(1, 'x'.repeat(2 ** 20)));
    tail.push(frame(1, ' the end'));
    expect(tail.text()).toBe('…xx the end');
  });
});
