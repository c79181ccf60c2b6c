const files = 'test/integration/agent/verify-files.test.ts';

/** Guards of drills of recovery points, and of drills by policy, as {@link file://./guards.ts} has them. */
export const drillGuards = {
  'drill-files-contents': {
    contract: 7,
    says: 'A restored file whose contents are not those of the unchanged original fails the drill.',
    test: files,
  },
  'drill-files-missing': {
    contract: 7,
    says: 'A file that the volume has not changed since and that is not in the copy fails the drill.',
    test: files,
  },
  'untried-is-overdue': {
    contract: 7,
    says: 'A volume whose drill could not be tried, as no host is in its zone, is overdue, never passed.',
    test: 'test/unit/policies/drills.test.ts',
  },
} as const;
