const copies = 'test/unit/backups/copies.test.ts';

/** Guards of backups in other Regions, as {@link file://./guards.ts} has them of all else. */
export const copyGuards = {
  'copy-looked-for': {
    contract: 4,
    says: 'A copy of a snapshot, which has no token, is looked for before the call is repeated.',
    test: copies,
  },
  'copy-uses-source': {
    contract: 7,
    says: 'A backup that is being copied is not removed.',
    test: copies,
  },
  'retention-copies-apart': {
    contract: 7,
    says: 'A copy in another Region never takes the place of a backup in retention.',
    test: 'test/unit/policies/copies.test.ts',
  },
  'overdue-copies': {
    contract: 7,
    says: 'A copy in another Region is no good backup of its volume: without another one that is overdue.',
    test: copies,
  },
} as const;
