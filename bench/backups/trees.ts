import { randomFillSync } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Scale } from './scale.ts';

/** Files to back up. Half of each is random, half is text, so that they compress to about a half. */
export interface Tree {
  readonly name: 'many' | 'large';
  /** For the rows of the table. */
  readonly title: string;
  /** MiB of content. */
  readonly size: number;
  /** Writes it into an empty directory. */
  fill(directory: string): void;
  /** Writes a hundredth of it anew, in place. */
  change(directory: string): void;
}

const KiB = 1024;
const MiB = 1024 * KiB;
const smallFile = 2 * KiB;
const perFolder = 1_000;

function content(bytes: number): Buffer {
  const made = Buffer.alloc(bytes, 'A line of a log, as applications write them by the million.\n');
  return randomFillSync(made, 0, bytes / 2);
}

export function treesOf(scale: Scale): readonly Tree[] {
  return [manySmall(scale.manyFiles), fewLarge(scale.largeMiB)];
}

function manySmall(files: number): Tree {
  const pathOf = (directory: string, index: number): string =>
    join(directory, `d${Math.floor(index / perFolder)}`, `f${index}`);
  return {
    name: 'many',
    title: `${files.toLocaleString('en')} files of 2 KiB`,
    size: (files * smallFile) / MiB,
    fill: (directory) => {
      for (let index = 0; index < files; index++) {
        if (index % perFolder === 0) mkdirSync(join(directory, `d${index / perFolder}`));
        writeFileSync(pathOf(directory, index), content(smallFile));
      }
    },
    change: (directory) => {
      for (let index = 0; index < files; index += 100)
        writeFileSync(pathOf(directory, index), content(smallFile), { flag: 'r+' });
    },
  };
}

function fewLarge(eachMiB: number): Tree {
  const names = ['a', 'b', 'c', 'd'];
  return {
    name: 'large',
    title: `4 files of ${eachMiB} MiB`,
    size: names.length * eachMiB,
    fill: (directory) => {
      for (const name of names)
        for (let written = 0; written < eachMiB; written++)
          writeFileSync(join(directory, name), content(MiB), { flag: 'a' });
    },
    change: (directory) => {
      for (const name of names) {
        const file = openSync(join(directory, name), 'r+');
        const changed = content(Math.round((eachMiB * MiB) / 200) * 2);
        writeSync(file, changed, 0, changed.length, Math.floor(eachMiB / 2) * MiB);
        fsyncSync(file);
        closeSync(file);
      }
    },
  };
}
