import { describe, expect, it } from 'vitest';
import { answer, runCli } from './support/fake-world.ts';

const operation = {
  id: 'op-01J0000000000000000000000A',
  kind: 'copyBackup',
  status: 'succeeded',
  backup: 'bak-01J0000000000000000000000B',
  volume: 'data',
  message: '',
  progress: 100,
};
const copy = { id: operation.backup, volume: 'data', region: 'eu-west-1' };
const answers = {
  copyBackup: () => answer(202, operation),
  getOperation: () => operation,
  getBackup: () => copy,
};

describe('hivemind backup copy', () => {
  it('takes --region for where the copy goes, and leaves that of the API alone', async () => {
    const line = ['backup', 'copy', 'bak-1', '--region', 'eu-west-1', '--wait'];
    const { code, out, calls } = await runCli(line, { answers });
    expect([code, out]).toEqual([0, `Backup bak-1 of data is copied to eu-west-1: ${copy.id}.`]);
    expect(calls[0]).toMatchObject({
      name: 'copyBackup',
      params: { namespace: 'default', backup: 'bak-1' },
      body: { region: 'eu-west-1' },
    });
  });

  it('takes that of the API before the command', async () => {
    const env = { HIVEMIND_ENDPOINT: 'http://api.test' };
    const line = ['backup', 'copy', 'bak-1', '--region', 'eu-west-1', '--no-wait'];
    const without = await runCli(line, { answers, env });
    expect([without.code, without.err]).toEqual([2, expect.stringContaining('No region is set')]);
    const { code, out } = await runCli(['--region', 'us-east-1', ...line], { answers, env });
    expect([code, out]).toEqual([0, expect.stringContaining(`hivemind operation wait ${operation.id}`)]);
  });

  it('wants to know where', async () => {
    const { code, err, calls } = await runCli(['backup', 'copy', 'bak-1'], { answers });
    expect([code, calls]).toEqual([2, []]);
    expect(err).toContain('--region eu-west-1');
  });
});
