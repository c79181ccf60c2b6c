import { MemoryStore } from '#test/fakes/memory-store.ts';
import { itemStoreContract } from '#test/support/item-store-contract.ts';

itemStoreContract('in memory', () => Promise.resolve(new MemoryStore()));
