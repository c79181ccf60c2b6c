const reads = 'test/unit/backups/reads.test.ts';

/** Guards of single files and manifests of backups, as {@link file://./guards.ts} has them. */
export const backupGuards = {
  'point-shared': {
    contract: 7,
    says: 'A recovery point is not removed while another backup needs it.',
    test: 'test/unit/backups/recovery-points.test.ts',
  },
  'extract-cleans': {
    contract: 7,
    says: 'A browse or an extract ends when its scratch volume is gone, whatever came of it.',
    test: reads,
  },
  'extract-files-cleans': {
    contract: 7,
    says: 'A browse or an extract of a recovery point ends when its copy is gone, whatever came of it.',
    test: 'test/unit/backups/recovery-reads.test.ts',
  },
  'extract-uses-backup': { contract: 7, says: 'A backup that is read is not removed.', test: reads },
  'extract-no-parent': {
    contract: 9,
    says: 'A path in a backup does not lead upwards.',
    test: reads,
  },
  'extract-no-follow': {
    contract: 9,
    says: 'No link in a backup is followed when a file of it is read.',
    test: 'test/unit/agent/extract.test.ts',
  },
  'hooks-in-users': {
    contract: 9,
    says: 'Hooks of a volume run in containers that use it, and in no other.',
    test: 'test/unit/agent/cut-hooks.test.ts',
  },
  'orphan-by-record': {
    contract: 4,
    says: 'The sweep removes a recovery point only where the record of a failed backup accounts for it.',
    test: 'test/unit/sweep/leftovers.test.ts',
  },
  'manifest-of-record': {
    contract: 7,
    says: 'The sweep removes no manifest whose backup has a record.',
    test: 'test/unit/sweep/leftovers.test.ts',
  },
} as const;
