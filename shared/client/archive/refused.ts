import { ProductError } from '#shared/model/errors.ts';

const hint = 'Nothing was written. Take the archive from where it was made once more, or another one.';

/** Why an archive is not read any further. Names in archives are bytes: they are shown as UTF-8, cut at 200 characters. */
export function refusedArchive(reason: string, path?: string): ProductError {
  const name = path === undefined ? undefined : shownName(path);
  const where = name === undefined ? '' : ` ("${name}")`;
  return new ProductError('ArchiveRefused', `The archive is refused: ${reason}${where}.`, {
    hint,
    ...(name === undefined ? {} : { value: name }),
  });
}

/** A name of an archive (bytes held as latin1) for people. */
export function shownName(bytes: string): string {
  const text = Buffer.from(bytes, 'latin1').toString('utf8');
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
