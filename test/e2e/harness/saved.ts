import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Attribute {
  readonly S?: string;
  readonly BOOL?: boolean;
  readonly M?: Item;
}
type Item = { readonly [name: string]: Attribute | undefined };

/** Whether the emulator has saved that a volume is formatted and in use: what it has not saved is lost when it is killed. */
export function hasSavedUse(home: string, volumeId: string): boolean {
  const state: unknown = JSON.parse(readFileSync(join(home, 'emulator', 'state', 'dynamodb.json'), 'utf8'));
  return itemsIn(state).some(
    ({ volumeId: id, filesystem, inUse }) =>
      id?.S === volumeId && filesystem?.M?.['state']?.S === 'formatted' && inUse?.BOOL === true,
  );
}

/** Every object of a document: the items are among them. */
function itemsIn(value: unknown): Item[] {
  if (typeof value !== 'object' || value === null) return [];
  return [value as Item, ...Object.values(value).flatMap(itemsIn)];
}
