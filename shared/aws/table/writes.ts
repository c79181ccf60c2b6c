import type * as z from 'zod';
import { ProductError } from '#shared/model/errors.ts';
import { mayBecome, type VolumeState } from '#shared/model/states.ts';
import { entities, type EntityItem, type EntityName } from './entities.ts';
import type { Key } from './keys.ts';
import type { Condition, Item, StoreWrite } from './store.ts';

/** One write of a transaction, with the name of what it writes for the error when it is lost. */
export interface Write {
  readonly entity: EntityName;
  readonly store: StoreWrite;
}

/** The parts of an entity that this file needs, without its item's type. */
interface AnyEntity {
  readonly schema: z.ZodType;
  readonly version: number;
  key(item: unknown): Key;
  readonly guard: readonly string[];
  work?(item: unknown): Item | undefined;
  expiresAt?(item: unknown): number | undefined;
}

/** The registry pairs each entity's functions with its own item type; writes keep that pair by their signatures. */
function definition(entity: EntityName): AnyEntity {
  return entities[entity] as unknown as AnyEntity;
}

/** Attributes of the layer itself, beside the entity's own. */
const layerAttributes = ['pk', 'sk', 'entity', 'version', 'workPk', 'workSk', 'expiresAt'];

/** The item; its revision is 1 or as given. Lost when there is one already. */
export function create<E extends EntityName>(entity: E, item: EntityItem<E>): Write {
  return write(entity, item, { kind: 'absent' });
}

/** The item, whatever is stored. Only for what has one writer and no history: observations, index items, `seen`. */
export function put<E extends EntityName>(entity: E, item: EntityItem<E>): Write {
  return write(entity, item, undefined);
}

/**
 * `next` in place of `was`; lost unless the stored item's guard attributes are those of `was`. Raises the integer revision
 * where the entity has one.
 * @throws ProductError IllegalState when a volume would leave the table of states.
 */
export function replace<E extends EntityName>(entity: E, was: EntityItem<E>, next: EntityItem<E>): Write {
  if (entity === 'volume') refuseIllegal(was, next); // guard: legal-transition
  const revised = hasRevision(was) ? { ...next, revision: was.revision + 1 } : next;
  return write(entity, revised, asRead(entity, was));
}

/** Removes the item; lost unless it is as `was`. A volume must be allowed to be gone. */
export function remove<E extends EntityName>(entity: E, was: EntityItem<E>): Write {
  if (entity === 'volume' && hasState(was)) refuseTransition(was.state, 'gone');
  return { entity, store: { kind: 'delete', key: definition(entity).key(was), when: asRead(entity, was) } };
}

/** Removes the item if there is one: never lost. For index items. */
export function discard<E extends EntityName>(entity: E, item: EntityItem<E>): Write {
  return { entity, store: { kind: 'delete', key: definition(entity).key(item) } };
}

/** Changes nothing; lost unless the item is as `was`. */
export function check<E extends EntityName>(entity: E, was: EntityItem<E>): Write {
  return { entity, store: { kind: 'check', key: definition(entity).key(was), when: asRead(entity, was) } };
}

/** A put under a condition of its own; only the step claim needs one. */
export function write<E extends EntityName>(
  entity: E,
  item: EntityItem<E>,
  when: Condition | undefined,
): Write {
  const kind = definition(entity);
  const parsed = kind.schema.parse(item) as Item;
  const at = kind.key(parsed);
  const stored: Item = {
    ...withoutUndefined(parsed),
    ...withoutUndefined({ ...kind.work?.(parsed), expiresAt: kind.expiresAt?.(parsed) }),
    ...at,
    entity,
    version: kind.version,
  };
  return {
    entity,
    store: { kind: 'put', key: at, item: stored, ...(when === undefined ? {} : { when }) },
  };
}

/** The entity's own part of a stored item. */
export function parseItem<E extends EntityName>(entity: E, stored: Item): EntityItem<E> {
  const own = Object.fromEntries(Object.entries(stored).filter(([name]) => !layerAttributes.includes(name)));
  return definition(entity).schema.parse(own) as EntityItem<E>;
}

function asRead<E extends EntityName>(entity: E, was: EntityItem<E>): Condition {
  const values = was as Item;
  return {
    kind: 'equals',
    values: Object.fromEntries(definition(entity).guard.map((name) => [name, values[name]])),
  };
}

function withoutUndefined(item: Item): Item {
  return Object.fromEntries(Object.entries(item).filter(([, value]) => value !== undefined));
}

function hasRevision(item: unknown): item is { revision: number } {
  return typeof item === 'object' && item !== null && 'revision' in item && typeof item.revision === 'number';
}

function hasState(item: unknown): item is { state: VolumeState } {
  return typeof item === 'object' && item !== null && 'state' in item && 'revision' in item;
}

function refuseIllegal(was: unknown, next: unknown): void {
  if (hasState(was) && hasState(next)) refuseTransition(was.state, next.state);
}

function refuseTransition(from: VolumeState, to: VolumeState | 'gone'): void {
  if (mayBecome(from, to)) return;
  throw new ProductError('IllegalState', `A volume that is ${from} cannot become ${to}.`, { value: to });
}
