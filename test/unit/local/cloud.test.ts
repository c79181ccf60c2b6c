import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readCloud, requireCloud, updateCloud, writeCloud, type CloudFile } from '#local/cloud/cloud-file.ts';
import { allocatePorts } from '#local/cloud/ports.ts';
import { cliCommand, cliConfigPath, installCli, linkCli, unlinkCli } from '#local/cloud/cli-user.ts';
import { isStaticProgram } from '#local/cloud/static-elf.ts';
import { cloudOfThisMachine, freeThisMachine, takeThisMachine } from '#local/cloud/this-machine.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'hivemind-unit-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const cloud = (): CloudFile => ({
  version: 1,
  home,
  region: 'us-east-1',
  account: '000000000000',
  ports: { aws: 1, api: 2, emulator: 3, storage: 4 },
  sockets: { edgeAdmin: 'run/edge.sock', storageAdmin: 'run/storage.sock', identity: 'run/identity.sock' },
  network: { index: 0 },
  edgeToken: 'secret',
  serviceModels: '/models',
});

describe('cloud.json', () => {
  it('is readable by its owner alone, since it holds keys', () => {
    writeCloud(cloud());
    expect(statSync(join(home, 'cloud.json')).mode & 0o777).toBe(0o600);
  });

  it('keeps what an update does not name', () => {
    writeCloud(cloud());
    updateCloud(home, { apiId: 'abcd1234' });
    expect(readCloud(home)).toEqual({ ...cloud(), apiId: 'abcd1234' });
  });

  it('says how to start a cloud where there is none', () => {
    expect(() => requireCloud(home)).toThrow(/npm run up/);
  });
});

describe('ports', () => {
  it('are four different free ones where any will do', async () => {
    const ports = Object.values(await allocatePorts(0));
    expect(ports.every((port) => port > 0)).toBe(true);
  });

  it('names the one that is taken', async () => {
    const server = createServer();
    const taken = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        resolve(typeof address === 'object' && address ? address.port : 0);
      });
    });
    await expect(allocatePorts(taken)).rejects.toThrow(`Port ${taken} is taken`);
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('a program', () => {
  /** The head of an ELF program with segments of these types. */
  const program = (...types: number[]): string => {
    const bytes = Buffer.alloc(64 + 56 * types.length);
    bytes.write('7f454c460201', 'hex');
    bytes.writeBigUInt64LE(64n, 32);
    bytes.writeUInt16LE(56, 54);
    bytes.writeUInt16LE(types.length, 56);
    for (const [index, type] of types.entries()) bytes.writeUInt32LE(type, 64 + 56 * index);
    const file = join(home, `program-${types.join('-')}`);
    writeFileSync(file, bytes);
    return file;
  };
  it('that needs no loader is told from one that does', () => {
    const [load, interpreter] = [1, 3];
    expect(isStaticProgram(program(load, load))).toBe(true);
    expect(isStaticProgram(program(load, interpreter, load))).toBe(false);
    expect(isStaticProgram(process.execPath)).toBe(false);
    expect(isStaticProgram(import.meta.filename)).toBe(false);
    expect(isStaticProgram(join(home, 'nowhere'))).toBe(false);
  });
});

describe('the CLI’s config file', () => {
  afterEach(() => void vi.unstubAllEnvs());

  it('belongs to the person who called through sudo, and to nobody else', () => {
    // Only root can give files away.
    const uid = process.getuid?.() === 0 ? 1234 : process.getuid?.();
    const gid = process.getuid?.() === 0 ? 5678 : process.getgid?.();
    vi.stubEnv('SUDO_UID', String(uid));
    vi.stubEnv('SUDO_GID', String(gid));
    installCli({ ...cloud(), cliUser: { accessKeyId: 'AKIA', secretAccessKey: 'secret' } });
    const found = statSync(cliConfigPath(home));
    expect([found.uid, found.gid, found.mode & 0o777]).toEqual([uid, gid, 0o600]);
    expect(statSync(join(home, 'bin', 'hivemind')).mode & 0o777).toBe(0o755);
  });
});

describe('this machine', () => {
  const homeOf = (name: string): string => {
    const made = join(home, name);
    mkdirSync(join(made, 'hosts', 'local'), { recursive: true });
    writeFileSync(join(made, 'hosts', 'local', 'this-host.json'), '{}');
    return made;
  };

  it('is a host of one cloud, until that one lets go or is gone', () => {
    const marker = join(home, 'root', 'local-cloud');
    const [one, other] = [homeOf('one'), homeOf('one-more')];
    expect(cloudOfThisMachine(marker)).toBeUndefined();
    takeThisMachine(one, marker);
    freeThisMachine(other, marker);
    expect(cloudOfThisMachine(marker)).toBe(one);
    rmSync(one, { recursive: true });
    expect(cloudOfThisMachine(marker)).toBeUndefined();
    takeThisMachine(other, marker);
    freeThisMachine(other, marker);
    expect(cloudOfThisMachine(marker)).toBeUndefined();
  });

  it('has the CLI of that cloud on its PATH, and the reset of another one leaves it there', () => {
    const links = [join(home, 'hivemind'), join(home, 'taken')];
    writeFileSync(links[1] ?? '', 'somebody’s own');
    const [one, other] = [homeOf('one'), homeOf('one-more')];
    expect(linkCli(other, links)).toEqual([links[1]]);
    unlinkCli(one, links);
    expect([cliCommand(other, links), cliCommand(one, links)]).toEqual([
      'hivemind',
      join(one, 'bin', 'hivemind'),
    ]);
    unlinkCli(other, links);
    expect(cliCommand(other, links)).toBe(join(other, 'bin', 'hivemind'));
  });
});
