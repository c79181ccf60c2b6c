const reads = 'test/unit/backups/reads.test.ts';

/** The guards of reading single files of a backup, as {@link file://./guards.ts} has them. */
export const extractGuards = {
  'extract-cleans': {
    contract: 7,
    says: 'A browse or an extract ends when its scratch volume is gone, whatever came of it.',
    test: reads,
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
} as const;
