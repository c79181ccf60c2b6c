import { createHash, type Hash } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { parseMetadataComment } from '#shared/model/archive.ts';
import { ProductError, isProductError } from '#shared/model/errors.ts';
import { ByteSource, truncated } from '#shared/client/archive/byte-source.ts';
import { refusedArchive } from '#shared/client/archive/refused.ts';
import type { Exec } from '#agent/host/exec.ts';
import type { BudgetLimits } from './budget.ts';
import { checkedTar, type Unpacked } from './checked-tar.ts';
import { startConfinedTar, type ConfinedTar } from './confined-tar.ts';
import { landTree, type LandingOptions } from './land-tree.ts';
import { settleUnpack, type Landed, type UnpackResult } from './staging.ts';

export interface UnpackOptions extends LandingOptions {
  /** Names this unpacking, such as the operation's id: repeated after a crash it does not unpack twice. */
  readonly id: string;
  /** The directory that the volume's users see; must be empty, `lost+found` aside, unless that is to be replaced. */
  readonly target: string;
  /** The tar.gz. It is read once and destroyed when something is wrong. */
  readonly archive: AsyncIterable<Uint8Array>;
  readonly exec: Exec;
  /** Hex SHA-256 of the tar.gz, where the sender has said it: anything else does not land. */
  readonly sha256?: string;
  /** Lowers what the archive may take; default: what is free on the target's filesystem. */
  readonly limits?: Partial<BudgetLimits>;
  readonly signal?: AbortSignal;
  /** Bytes of the tar.gz read so far. */
  readonly onProgress?: (bytes: number) => void;
}

/** More files than any volume that we know of; keeps the index of paths below 700 MB. */
const maxEntries = 20_000_000;
const chunkSize = 256 * 2 ** 10;

/**
 * Unpacks a tar.gz into an empty directory, or in place of what is in it: all of it, or nothing; once for an id, until clearUnpack(). Every entry is checked before tar sees it, tar is
 * confined to a staging directory, and the tree is moved into place when the whole archive was found right.
 * @throws ProductError ArchiveRefused with the reason; TransferFailed when the SHA-256 is another; IllegalState when the
 *   target is not empty and should be; CommandFailed when tar failed (a full disk); the signal's reason.
 */
export async function unpack(options: UnpackOptions): Promise<UnpackResult> {
  const { target, exec, signal } = options;
  signal?.throwIfAborted();
  const landed = await settleUnpack(target, exec);
  if (landed?.id === options.id) return landed.result;
  const limits = { ...(await freeOf(target)), ...options.limits };
  return landTree(options, (folder) => unpackInto(options, folder, limits));
}

async function unpackInto(options: UnpackOptions, folder: string, limits: BudgetLimits): Promise<Landed> {
  const tar = startConfinedTar(folder);
  const read: Reading = { hash: createHash('sha256'), bytes: 0 };
  const unpacked = await feed(options, { tar, limits, read });
  const { words } = await tar.ended;
  const sha256 = read.hash.digest('hex');
  if (options.sha256 !== undefined && options.sha256 !== sha256) throw otherBytes(options.sha256, sha256);
  options.signal?.throwIfAborted();
  const { comment, ...counts } = unpacked;
  const warnings = [...counts.warnings, ...words.split('\n').filter(Boolean)];
  const metadata = parseMetadataComment(comment) ?? null;
  const result = { ...counts, sha256, compressedBytes: read.bytes, metadata, warnings };
  return { id: options.id, result };
}

interface Reading {
  readonly hash: Hash;
  bytes: number;
}

interface Feeding {
  readonly tar: ConfinedTar;
  readonly limits: BudgetLimits;
  readonly read: Reading;
}

/** Runs the archive through the checks into tar; tar has ended when this returns or throws. */
async function feed(options: UnpackOptions, { tar, limits, read }: Feeding): Promise<Unpacked> {
  const gunzip = createGunzip({ chunkSize });
  const unpacked: Unpacked = { files: 0, directories: 0, symlinks: 0, bytes: 0, warnings: [] };
  const check = (plain: AsyncIterable<Buffer>): AsyncGenerator<Buffer> =>
    checkedTar(new ByteSource(plain), limits, unpacked);
  const { signal, archive } = options;
  const tap = (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> =>
    counted(chunks, read, options);
  try {
    await pipeline(archive, tap, gunzip, check, tar.stdin, signal === undefined ? {} : { signal });
    if (gunzip.bytesWritten !== read.bytes) throw refusedArchive('something follows its end');
  } catch (error) {
    // Tar's own failure breaks the pipe: its words say more.
    if (errorCode(error) !== 'EPIPE') tar.kill();
    const { code, words } = await tar.ended;
    signal?.throwIfAborted();
    throw code !== undefined && code !== 0 && errorCode(error) === 'EPIPE'
      ? tarFailed(code, words)
      : plainError(error);
  }
  const { code, words } = await tar.ended;
  if (code !== 0) throw tarFailed(code, words);
  return unpacked;
}

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  read: Reading,
  { onProgress }: UnpackOptions,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    read.hash.update(chunk);
    read.bytes += chunk.length;
    yield chunk;
    onProgress?.(read.bytes);
  }
}

async function freeOf(target: string): Promise<BudgetLimits> {
  // What ext4 reserves is root's to use, and a full volume must fit into its like.
  const { bfree, bsize, files, ffree } = await statfs(target);
  // Filesystems that make inodes as they need them say 0 of 0.
  const entries = files === 0 ? maxEntries : Math.min(ffree, maxEntries);
  return { bytes: Math.min(Number.MAX_SAFE_INTEGER, bfree * bsize), entries, blockBytes: blockOf(bsize) };
}

/** EFS and other networks say sizes that are for transfers, not for blocks. */
function blockOf(bsize: number): number {
  return Math.min(bsize, 4096);
}

function plainError(error: unknown): unknown {
  if (isProductError(error)) return error;
  const code = errorCode(error);
  if (code === 'Z_BUF_ERROR') return truncated();
  if (code?.startsWith('Z_') === true)
    return refusedArchive('it is not compressed with gzip, is damaged, or something follows its end');
  return error;
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

function tarFailed(code: number | undefined, words: string): ProductError {
  const how = code === undefined ? 'was killed' : `failed with exit code ${code}`;
  return new ProductError('CommandFailed', `tar ${how}: ${words.slice(0, 2000)}`, {
    about: { command: 'tar', code: String(code ?? -1) },
    hint: 'Nothing was restored. Check the free space of the volume and the agent’s log.',
  });
}

function otherBytes(expected: string, found: string): ProductError {
  return new ProductError(
    'TransferFailed',
    `The archive that arrived has SHA-256 ${found}, not ${expected}.`,
    {
      value: found,
      allowed: expected,
      hint: 'Nothing was restored. Send it again.',
    },
  );
}
