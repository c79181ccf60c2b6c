import type { Guard } from './guards.ts';

const refill = 'test/unit/backups/refill.test.ts';
const exchange = 'test/integration/archives/refill.test.ts';
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
  'refill-guarded': {
    contract: 7,
    says: 'Files are replaced only when an archive of them is complete.',
    test: refill,
  },
  'guard-unless-empty': {
    contract: 7,
    says: 'Files are replaced without an archive of them only where their host finds none.',
    test: 'test/integration/archives/guard-archive.test.ts',
  },
  'replace-what-is-kept': {
    contract: 7,
    says: 'A host that has found nothing to keep replaces nothing: the volume must be empty still.',
    test: 'test/unit/transfers/import-in-place.test.ts',
  },
  'refill-busy': {
    contract: 3,
    says: 'A restore of files in place is refused while the volume is in use.',
    test: refill,
  },
  'refill-in-use': {
    contract: 3,
    says: 'A restore of files in place asks its host for nothing while the volume is in use.',
    test: refill,
  },
  'refill-not-during': {
    contract: 8,
    says: 'A restore of files in place while another operation owns the volume is Busy.',
    test: refill,
  },
  'refill-settled': {
    contract: 3,
    says: 'A volume whose files may be half exchanged is given to nobody until another restore has settled that.',
    test: refill,
  },
  'lease-filling': {
    contract: 3,
    says: 'While its files are replaced no use of a volume begins, also where it is attached already.',
    test: refill,
  },
  'refill-alone': {
    contract: 6,
    says: 'Files are not replaced under a container that the kernel, Docker or a hold shows.',
    test: 'test/unit/agent/demand-alone.test.ts',
  },
  'refill-no-mounts': {
    contract: 6,
    says: 'Files are not replaced while something is mounted inside the volume.',
    test: 'test/unit/agent/demand-alone.test.ts',
  },
  'refill-whole': {
    contract: 4,
    says: 'What a replacement has moved out is moved out once: files that have moved in stay.',
    test: exchange,
  },
} as const satisfies Readonly<Record<string, Guard>>;
