import { readdir, readFile, stat } from 'node:fs/promises';
import { StorageFault } from '../errors.ts';
import type { Loop } from '../state/entities.ts';
import { run } from './exec.ts';

/**
 * What losetup has no word for. `fence` moves the device behind the volume's bytes in the image file and leaves it no
 * sector: I/O under way is drained, all later I/O fails, and a write that the kernel had let through just before (its
 * bounds check comes before its turn) lands behind the volume. An offset that overflows would stop Linux 6.18
 * (`kernel BUG at fs/iomap/buffered-io.c`: measured 2026-11-26). Linux before 6.5 lets a filesystem's I/O to an empty
 * device through, hence there one sector is left, behind the volume as well, for which the file is made long enough.
 * `limit` says how many bytes of the file the device shows. `free` lets go at once when nothing has the device open,
 * else the kernel does at the last close (AUTOCLEAR). `keep` takes that back. The device stays open, hence its number
 * taken, while its names are removed.
 */
const program = `
import fcntl, os, sys
verb, path = sys.argv[1:3]
fd = os.open(path, os.O_RDONLY)
def status():
    b = bytearray(232); fcntl.ioctl(fd, 0x4C05, b); return b
def resize(offset, limit):
    b = status(); b[24:32] = offset.to_bytes(8, 'little'); b[32:40] = limit.to_bytes(8, 'little')
    fcntl.ioctl(fd, 0x4C04, bytes(b))
def image():
    with open('/sys/block/%s/loop/backing_file' % os.path.basename(path)) as f: return f.read().rstrip('\\n').removesuffix(' (deleted)')
def end():
    return int.from_bytes(status()[32:40], 'little') or -(-os.stat(image()).st_size // 512) * 512
def sector(start):
    try:
        if os.stat(image()).st_size < start + 512: os.truncate(image(), start + 512)
    except FileNotFoundError: pass
    return 512
def fenced(): return int.from_bytes(status()[24:32], 'little') > 0
def kernel(): return tuple(int(''.join(c for c in part if c.isdigit()) or 0) for part in os.uname().release.split('.')[:2])
try:
    if verb == 'fence':
        if not fenced():
            start = end()
            resize(start, 1 if kernel() >= (6, 5) else sector(start))
    elif verb == 'limit':
        if not fenced(): resize(0, int(sys.argv[3]))
    elif verb == 'keep':
        b = status(); flags = int.from_bytes(b[52:56], 'little') & ~4; b[52:56] = flags.to_bytes(4, 'little')
        fcntl.ioctl(fd, 0x4C04, bytes(b))
    elif verb == 'free':
        fcntl.ioctl(fd, 0x4C01)
        try:
            status(); print('held')
        except OSError as e:
            if e.errno != 6: raise
            for name in sys.argv[3:]:
                try: os.unlink(name)
                except FileNotFoundError: pass
except OSError as e:
    if e.errno != 6: raise
`;

async function control(
  verb: 'fence' | 'limit' | 'free' | 'keep',
  device: string,
  rest: readonly string[] = [],
): Promise<string> {
  return await run('/usr/bin/python3', ['-I', '-S', '-c', program, verb, device, ...rest]);
}

/** Every I/O through the device fails from now on. An unbound device is left alone. */
export async function fenceLoop(loop: Loop): Promise<void> {
  await control('fence', loop.device);
}

/**
 * Frees the device now if nothing has it open, else at its last close.
 * @param names files that go with it if it is freed now, while nobody else can have taken its number
 * @returns whether something still holds it
 */
export async function releaseLoop(loop: Loop, names: readonly string[] = []): Promise<'free' | 'held'> {
  return (await control('free', loop.device, names)).trim() === 'held' ? 'held' : 'free';
}

/** Takes back an earlier {@link releaseLoop} that found the device held. */
export async function keepLoop(loop: Loop): Promise<void> {
  await control('keep', loop.device);
}

/** The file behind the device, or undefined when it is unbound. */
export async function backingFile(loop: Loop): Promise<string | undefined> {
  return (await readSys(`${loop.device.replace('/dev/', '')}/loop/backing_file`))?.replace(
    / \(deleted\)$/,
    '',
  );
}

/** Whether the kernel will free the device at its last close. */
export async function isAutoclear(loop: Loop): Promise<boolean> {
  return (await readSys(`${loop.device.replace('/dev/', '')}/loop/autoclear`)) === '1';
}

/** Whether the device was fenced: it has no room left. */
export async function isFenced(loop: Loop): Promise<boolean> {
  return (await shownBytes(loop)) <= 512;
}

/** How large the device is. */
export async function shownBytes(loop: Loop): Promise<number> {
  return Number((await readSys(`${loop.device.replace('/dev/', '')}/size`)) ?? 0) * 512;
}

async function readSys(path: string): Promise<string | undefined> {
  try {
    return (await readFile(`/sys/block/${path}`, 'utf8')).trimEnd();
  } catch {
    return undefined;
  }
}

/** Every bound loop device of this machine whose file lies in the folder. */
export async function loopsUnder(folder: string): Promise<readonly { loop: Loop; file: string }[]> {
  const found: { loop: Loop; file: string }[] = [];
  for (const name of await readdir('/sys/block')) {
    if (!name.startsWith('loop')) continue;
    const device = `/dev/${name}`;
    const file = await backingFile({ device, number: '' });
    if (file?.startsWith(`${folder}/`) !== true) continue;
    found.push({ loop: { device, number: (await readSys(`${name}/dev`)) ?? '' }, file });
  }
  return found;
}

/**
 * A loop device of its own over the first `bytes` of the image: behind them may lie what a fenced holder wrote late.
 * `prepare` runs on the chosen number before anything is behind it, to clear
 * away what earlier owners of the number left.
 */
export async function bindLoop(
  { image, bytes }: { readonly image: string; readonly bytes: number },
  prepare: (loop: Loop) => Promise<void>,
): Promise<Loop> {
  let last: unknown;
  for (let attempt = 0; attempt < 20; attempt++) {
    const device = (await run('losetup', ['--find'])).trim();
    const loop = { device, number: await numberOf(device) };
    await prepare(loop);
    try {
      await run('losetup', ['--sizelimit', String(bytes), device, image]);
      return loop;
    } catch (error) {
      last = error; // Somebody else took the number between the two calls.
    }
  }
  throw new StorageFault(`No free loop device for ${image}`, last);
}

async function numberOf(device: string): Promise<string> {
  const { rdev } = await stat(device);
  const major = (rdev >> 8) & 0xfff;
  const minor = (rdev & 0xff) | ((rdev >> 12) & 0xfff00);
  return `${major}:${minor}`;
}

/** Makes the device show more of its image. A fenced one stays fenced. */
export async function growLoop(loop: Loop, bytes: number): Promise<void> {
  await control('limit', loop.device, [String(bytes)]);
}
