import * as z from 'zod';
import type { BytePath } from '#shared/model/byte-path.ts';
import { ProductError } from '#shared/model/errors.ts';
import { jsonObjects } from './json-objects.ts';

/*
 * restic's trees, as `restic cat blob` gives them: one directory, {"nodes":[…]}. `restic ls --json` has neither the targets of
 * links nor names as bytes. Source: restic, doc/design.rst, "Trees and Data".
 */

/** As Go's strconv.Quote has them, without the quotes. */
const QuotedName = z.string().transform(unquote);
const Base64 = z.base64().transform((text) => Buffer.from(text, 'base64').toString('latin1'));

const TreeNode = z
  .object({
    name: QuotedName,
    type: z.string(),
    /** Bits of Go's os.FileMode. */
    mode: z.int().default(0),
    mtime: z.string(),
    uid: z.int().min(0).default(0),
    gid: z.int().min(0).default(0),
    size: z.int().min(0).default(0),
    linktarget: z.string().optional(),
    /** By later versions, of a target that is no UTF-8. */
    linktarget_raw: Base64.optional(),
    subtree: z.string().nullish(),
    extended_attributes: z.array(z.object({ name: z.string(), value: Base64.nullish() })).nullish(),
  })
  .transform(({ linktarget, linktarget_raw: raw, mode, ...node }) => ({
    ...node,
    mode: permissionsOf(mode),
    target: raw ?? (linktarget === undefined ? undefined : bytesOf(linktarget)),
  }));

/** A name in a directory of a snapshot; names and targets are bytes, `mode` is Unix's twelve bits. */
export type TreeNode = z.output<typeof TreeNode>;

/** The names in a directory, in their order, from what restic writes. @throws ProductError CommandFailed when that is no tree */
export async function* nodesOf(output: AsyncIterable<Buffer>): AsyncGenerator<TreeNode> {
  for await (const json of jsonObjects(output, 2)) yield demandNode(json);
}

function demandNode(json: string): TreeNode {
  const parsed = TreeNode.safeParse(JSON.parse(json));
  if (parsed.success) return parsed.data;
  throw new ProductError(
    'CommandFailed',
    `restic wrote what is no entry of a directory: ${json.slice(0, 200)}`,
    {
      cause: parsed.error,
    },
  );
}

/** Go's bits for set-user-ID, set-group-ID and sticky, and Unix's. */
const special = [
  [1 << 23, 0o4000],
  [1 << 22, 0o2000],
  [1 << 20, 0o1000],
] as const;

function permissionsOf(mode: number): number {
  return special.reduce((bits, [go, unix]) => ((mode & go) === 0 ? bits : bits | unix), mode & 0o777);
}

const simple: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** Bytes by `\xff`, letters that cannot be printed by `\u`, all others as they are. */
function unquote(quoted: string): BytePath {
  const pieces = quoted.match(/\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|.)|[^\\]+/gsu) ?? [];
  return pieces.map(pieceOf).join('');
}

function pieceOf(piece: string): BytePath {
  if (!piece.startsWith('\\')) return bytesOf(piece);
  const [, kind = '', digits = ''] = /^\\(.)(.*)$/su.exec(piece) ?? [];
  if (digits === '') return simple[kind] ?? bytesOf(kind);
  const code = Number.parseInt(digits, 16);
  return kind === 'x' ? String.fromCharCode(code) : bytesOf(String.fromCodePoint(code));
}

function bytesOf(text: string): BytePath {
  return Buffer.from(text, 'utf8').toString('latin1');
}
