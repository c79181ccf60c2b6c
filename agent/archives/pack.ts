import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { createHash } from 'node:crypto';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { metadataComment, type ArchiveMetadata } from '#shared/model/archive.ts';
import { ProductError, isProductError } from '#shared/model/errors.ts';
import { ByteSource } from '#shared/client/archive/byte-source.ts';
import { formatPax } from '#shared/client/archive/pax.ts';
import { batched } from './batched.ts';
import { childEnd, type ChildEnd } from './child.ts';
import { packable, type Packed } from './packable-tar.ts';
import { reservedNames } from './reserved.ts';
import { tarNotes } from './tar-notes.ts';

export interface PackOptions {
  /** The directory that the volume's users see; other filesystems mounted below it are left out, as empty directories. */
  readonly directory: string;
  readonly metadata: ArchiveMetadata;
  /** Names in it that are left out; default: those in a volume's root that are not the user's. */
  readonly without?: readonly string[];
  /** Of gzip, 1 to 9; default 6. */
  readonly level?: number;
  readonly signal?: AbortSignal;
  /** Bytes of tar read and of tar.gz written so far. */
  readonly onProgress?: (progress: { readonly readBytes: number; readonly writtenBytes: number }) => void;
}

export interface PackResult {
  /** Entries of every kind. */
  readonly entries: number;
  /** Regular files and hard links. */
  readonly files: number;
  /** Of the tar.gz. */
  readonly bytes: number;
  /** Of the tar.gz, hex. */
  readonly sha256: string;
  /** Files that changed or went away while they were read; what the archive has of them may be torn. */
  readonly changed: readonly string[];
  /** Left out, since no archive may bring them back: devices, fifos, sockets. */
  readonly skipped: readonly string[];
}

export interface Packing {
  /** The tar.gz. It fails when the packing does: a stream that has ended is whole. */
  readonly stream: Readable;
  /**
   * Settles when the stream has ended.
   * @throws ProductError CommandFailed with tar's words when something could not be read; the signal's reason.
   */
  readonly result: Promise<PackResult>;
}

type Tar = ChildProcessByStdio<null, Readable, Readable>;

const chunkSize = 256 * 2 ** 10;
/** tar(1): some files differ. Changed while they were read, or gone. */
const somethingChanged = 1;

/** Streams a tar.gz of a directory that plain `tar -x` reads: owners, modes, times, attributes, access lists, links, holes kept. */
export function pack(options: PackOptions): Packing {
  const stream = new PassThrough({ highWaterMark: chunkSize });
  const result = run(options, stream).catch((error: unknown) => {
    stream.destroy(error instanceof Error ? error : new ProductError('Internal', String(error)));
    throw error;
  });
  // Who reads only the stream learns of a failure there.
  result.catch(() => undefined);
  return { stream, result };
}

async function run(options: PackOptions, stream: PassThrough): Promise<PackResult> {
  const { signal } = options;
  signal?.throwIfAborted();
  const tar = startTar(options);
  const ended = childEnd(tar);
  const packed: Packed = { entries: 0, files: 0, skipped: [], readBytes: 0 };
  const sum = { hash: createHash('sha256'), bytes: 0 };
  const checkExit = async (): Promise<void> => {
    const end = await ended;
    if (end.code !== 0 && end.code !== somethingChanged) throw tarFailed(options.directory, end);
  };
  async function* plain(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    yield formatPax('g', new Map([['comment', metadataComment(options.metadata)]]));
    // The tar stream's own end is no proof: it is passed on only when tar says that all went well.
    try {
      yield* batched(packable(new ByteSource(chunks), packed, checkExit));
    } catch (error) {
      // Where tar's output breaks off, tar has ended and says why.
      if (isProductError(error, 'ArchiveRefused')) await checkExit();
      throw error;
    }
  }
  async function* summed(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      sum.hash.update(chunk);
      sum.bytes += chunk.length;
      options.onProgress?.({ readBytes: packed.readBytes, writtenBytes: sum.bytes });
      yield chunk;
    }
  }
  try {
    const gzip = createGzip({ level: options.level ?? 6, chunkSize });
    await pipeline(tar.stdout, plain, gzip, summed, stream, signal === undefined ? {} : { signal });
  } catch (error) {
    tar.kill('SIGKILL');
    await ended;
    signal?.throwIfAborted();
    throw error;
  }
  const { words } = await ended;
  const notes = tarNotes(words);
  return {
    entries: packed.entries,
    files: packed.files,
    bytes: sum.bytes,
    sha256: sum.hash.digest('hex'),
    changed: notes.changed,
    skipped: [...packed.skipped, ...notes.skipped].toSorted(),
  };
}

function startTar({ directory, without = reservedNames }: PackOptions): Tar {
  const args = [
    '--create',
    '--file=-',
    `--directory=${directory}`,
    '--format=posix',
    '--pax-option=delete=atime,delete=ctime',
    '--acls',
    '--xattrs',
    '--xattrs-include=*',
    '--sparse',
    '--numeric-owner',
    '--one-file-system',
    '--quoting-style=escape',
    '--anchored',
    '--no-wildcards',
    ...without.map((name) => `--exclude=./${name}`),
    '.',
  ];
  return spawn('tar', args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C', TAR_OPTIONS: '' },
  });
}

function tarFailed(directory: string, { code = -1, words }: ChildEnd): ProductError {
  const said = words.split('\n').filter((line) => !line.endsWith('socket ignored'));
  return new ProductError(
    'CommandFailed',
    `tar of ${directory} failed (${code}): ${said.slice(0, 20).join('; ')}`,
    {
      about: { command: 'tar', code: String(code) },
    },
  );
}
