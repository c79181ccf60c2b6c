import type { Guard } from './guards.ts';

const inPlace = 'test/unit/backups/restore-in-place.test.ts';

/** The guards of restores in place, by name. */
export const restoreGuards = {
  'restore-guarded': {
    contract: 7,
    says: 'What a restore in place replaces is a complete backup first.',
    test: inPlace,
  },
  'restore-keeps-old': {
    contract: 4,
    says: 'Storage that a restore in place has replaced is freed only while the backup of it is there.',
    test: inPlace,
  },
  'restore-in-use-shared': {
    contract: 3,
    says: 'A restore in place of a network volume waits until no host uses it.',
    test: 'test/unit/backups/restore-in-place-network.test.ts',
  },
  'restore-no-leak': {
    contract: 4,
    says: 'Both EC2 volumes of a restore in place are known: the one it makes, and the one it replaces.',
    test: inPlace,
  },
  'restore-busy': {
    contract: 3,
    says: 'A restore in place is refused while the volume is in use.',
    test: inPlace,
  },
  'restore-not-during': {
    contract: 8,
    says: 'A restore in place while another operation owns the volume is Busy.',
    test: inPlace,
  },
} as const satisfies Readonly<Record<string, Guard>>;
