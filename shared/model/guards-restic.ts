const restic = {
  api: 'test/unit/backups/archives.test.ts',
  reads: 'test/unit/backups/archive-reads.test.ts',
  grants: 'test/unit/aws/grant-policy.test.ts',
  agent: 'test/integration/archives/restic.test.ts',
  drills: 'test/unit/backups/archive-drills.test.ts',
  agentDrills: 'test/integration/archives/drill.test.ts',
} as const;

/** Guards of backups as files, as {@link file://./guards.ts} has them. */
export const resticGuards = {
  'archive-once': {
    contract: 7,
    says: 'A backup of files that is begun again takes the snapshot that is there already.',
    test: restic.agent,
  },
  'restic-restore-whole': {
    contract: 9,
    says: 'A restore that leaves out anything but devices fails.',
    test: 'test/unit/agent/restic-words.test.ts',
  },
  'restic-restore-uses-backup': {
    contract: 7,
    says: 'A backup whose files are being restored is not removed.',
    test: restic.api,
  },
  'archive-read-uses-backup': {
    contract: 7,
    says: 'A backup of files that is read is not removed.',
    test: restic.reads,
  },
  'filling-alone': {
    contract: 3,
    says: 'While its files are being restored a volume is given to nobody but the host that does so.',
    test: restic.api,
  },
  'drill-uses-archive': {
    contract: 7,
    says: 'An archive that is drilled is not removed.',
    test: restic.drills,
  },
  'no-restic-is-overdue': {
    contract: 7,
    says: 'A drill that no host with restic can do is overdue: neither passed nor failed.',
    test: restic.drills,
  },
  'drill-own-archive': {
    contract: 7,
    says: 'A drill restores a snapshot that carries its backup’s tag, and no other.',
    test: restic.agentDrills,
  },
  'drill-own-manifest': {
    contract: 7,
    says: 'A drill fails where the manifest was made of another archive than the one that is restored.',
    test: restic.agentDrills,
  },
  'repository-shared': {
    contract: 7,
    says: 'A repository is emptied only with the last backup in it.',
    test: restic.api,
  },
  'password-kept': {
    contract: 7,
    says: 'The password of a repository that holds backups is not replaced.',
    test: restic.api,
  },
  'grant-while-task': {
    contract: 7,
    says: 'A host gets keys of a repository only while its task stands.',
    test: restic.api,
  },
  'grant-own-prefix': {
    contract: 7,
    says: 'A grant lists nothing but its own repository.',
    test: restic.grants,
  },
  'grant-no-delete': {
    contract: 7,
    says: 'A grant for a backup removes nothing but locks.',
    test: restic.grants,
  },
} as const;
