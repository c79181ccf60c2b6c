import { backupGuards } from './guards-backups.ts';
import { copyGuards } from './guards-copies.ts';
import { drillGuards } from './guards-drills.ts';
import { restoreGuards } from './guards-restore.ts';
import { resticGuards } from './guards-restic.ts';

/** One line of the product that enforces a contract of docs/contracts.md, marked `// guard: NAME` where it stands. */
export interface Guard {
  /** Number of the contract. */
  readonly contract: 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;
  readonly says: string;
  /** Test file that fails when the line is switched off; `npm run test:guards` proves it. */
  readonly test: string;
}

const workers = 'test/unit/workers/guards.test.ts';
const backups = 'test/unit/backups/backups.test.ts';
const drills = 'test/unit/backups/drills.test.ts';

const retention = 'test/unit/policies/retention.test.ts';
const recovery = {
  points: 'test/unit/backups/recovery-points.test.ts',
  restores: 'test/unit/backups/recovery-restores.test.ts',
} as const;

const agent = {
  archives: 'test/integration/archives/hostile.test.ts',
  blocks: 'test/unit/agent/blocks.test.ts',
  formats: 'test/unit/agent/format.test.ts',
  freezable: 'test/unit/agent/freeze/freezable.test.ts',
  freezer: 'test/unit/agent/freeze/freezer.test.ts',
  paths: 'test/unit/agent/host-path.test.ts',
  plan: 'test/unit/agent/plan.test.ts',
  verify: 'test/unit/agent/verify.test.ts',
} as const;

const api = {
  attach: 'test/unit/volumes/attach.test.ts',
  bad: 'test/unit/runtime/bad-requests.test.ts',
  change: 'test/unit/volumes/change.test.ts',
  create: 'test/unit/volumes/create.test.ts',
  hosts: 'test/unit/hosts/hosts-api.test.ts',
  table: 'test/unit/table/table.test.ts',
} as const;

/** Every guard, by name. There is no switch at run time: the proof changes the source that the test loads. */
export const guards = {
  ...backupGuards,
  ...copyGuards,
  ...drillGuards,
  ...restoreGuards,
  ...resticGuards,
  'restored-directory': {
    contract: 4,
    says: 'A restored network volume is rooted at the directory that its own restore made; in doubt at none.',
    test: recovery.restores,
  },
  'backup-freezes': {
    contract: 7,
    says: 'What a host writes to is cut by that host, frozen, unless the backup asks for less.',
    test: backups,
  },
  'cut-proven': {
    contract: 7,
    says: 'A cut that a host called for counts only once it says that the volume was frozen all the time.',
    test: backups,
  },
  'double-by-record': {
    contract: 7,
    says: 'The sweep removes a snapshot of a backup only where its record names another one.',
    test: 'test/unit/sweep/leftovers.test.ts',
  },
  'drill-uses-backup': { contract: 7, says: 'A backup that is drilled is not removed.', test: drills },
  'drill-cleans': {
    contract: 7,
    says: 'A drill ends when its scratch volume is gone, whatever was found.',
    test: drills,
  },
  'manifest-of-cut': {
    contract: 7,
    says: 'Only the host whose cut a backup is may write its manifest.',
    test: drills,
  },
  'drill-mark': {
    contract: 7,
    says: 'A drill fails where the copy has not the mark that was written just before the cut.',
    test: agent.verify,
  },
  'drill-missing': { contract: 7, says: 'A drill fails where a file is missing.', test: agent.verify },
  'drill-contents': {
    contract: 7,
    says: 'A drill fails where the contents of a file differ from those at the cut.',
    test: agent.verify,
  },
  'backup-held': { contract: 7, says: 'A backup under a hold is not removed.', test: backups },
  'backup-in-use': { contract: 7, says: 'A backup that is being restored is not removed.', test: backups },
  'retention-last-good': {
    contract: 7,
    says: 'Retention keeps the newest backup that can be restored, whatever its rules say.',
    test: retention,
  },
  'retention-last-good-stays': {
    contract: 7,
    says: 'A removal by retention is lost when the newest good backup is no longer as it was read.',
    test: retention,
  },
  'retention-in-use': { contract: 7, says: 'Retention keeps what is being restored.', test: retention },
  'retention-held': { contract: 7, says: 'Retention keeps what is under a hold.', test: retention },
  'retention-own': {
    contract: 7,
    says: "Retention looks at nothing but the policy's own backups.",
    test: retention,
  },
  'restored-no-ticket': {
    contract: 1,
    says: 'A restored volume has its filesystem: it never gets a format ticket.',
    test: backups,
  },
  'create-token': {
    contract: 4,
    says: "A create's client token derives from the volume's id and attempt, so that a repeat makes nothing new.",
    test: workers,
  },
  'create-believes-late': {
    contract: 4,
    says: 'For 10 minutes after its 200 a volume that EC2 does not show counts as coming.',
    test: workers,
  },
  'attach-epoch': {
    contract: 3,
    says: 'An attach goes on only under the epoch and holder that it wrote to the lease.',
    test: workers,
  },
  'detach-before-attach': {
    contract: 3,
    says: 'A hand-over detaches the volume from its holder before anything else.',
    test: workers,
  },
  'wait-available': {
    contract: 3,
    says: "After DetachVolume a hand-over waits for EC2's `available`.",
    test: workers,
  },
  'attach-waits-available': {
    contract: 3,
    says: 'AttachVolume is called only for a volume that EC2 calls `available`.',
    test: workers,
  },
  'detach-in-use': {
    contract: 3,
    says: 'A detach stops before EC2 is called when the holder has begun to use the volume.',
    test: workers,
  },
  'delete-in-use': {
    contract: 5,
    says: 'A delete waits for the hand-back and never tears a mount away.',
    test: workers,
  },
  'delete-in-use-shared': {
    contract: 5,
    says: 'A delete of a volume of many hosts waits until none of them uses it.',
    test: workers,
  },
  'purge-window': {
    contract: 5,
    says: 'Storage is freed only after the undo window, or with purge.',
    test: workers,
  },
  'purge-empties-first': {
    contract: 5,
    says: "A network volume's access point goes only after a host has emptied its directory.",
    test: workers,
  },
  'purge-unused': {
    contract: 5,
    says: "A network volume's directory is emptied only when no host that it was forced from uses it any more.",
    test: workers,
  },
  'step-claim-respected': {
    contract: 8,
    says: "Nobody asks AWS about a volume while another invocation's step on it may be under way.",
    test: workers,
  },
  'operation-owns-volume': {
    contract: 8,
    says: 'An operation that does not own the volume (any more) does nothing to it.',
    test: workers,
  },
  'device-names': {
    contract: 8,
    says: 'A device name that is claimed, or whose attach hung, is not used for another volume.',
    test: workers,
  },
  'format-empty': {
    contract: 1,
    says: 'A blank volume is formatted only where wipefs, blkid and its first and last MiB say empty.',
    test: agent.formats,
  },
  'format-finished': {
    contract: 1,
    says: 'With a renewed ticket a finished format of that UUID is taken as it is.',
    test: agent.formats,
  },
  'format-renewed': {
    contract: 1,
    says: 'With a renewed ticket anything but the own unfinished format is refused.',
    test: agent.formats,
  },
  'ticket-bound': {
    contract: 1,
    says: 'A format ticket counts for its own volume, epoch and device only.',
    test: agent.formats,
  },
  'uuid-matches': {
    contract: 1,
    says: 'A filesystem is mounted only if its UUID is the recorded one.',
    test: agent.formats,
  },
  'device-serial': {
    contract: 2,
    says: 'A device is taken by its serial and by nothing else.',
    test: agent.blocks,
  },
  'device-held': {
    contract: 2,
    says: 'The device that was opened is looked at again and held to the end of mkfs or mount.',
    test: agent.blocks,
  },
  'lease-before-mount': {
    contract: 3,
    says: 'Nothing is mounted before the lease says inUse.',
    test: agent.plan,
  },
  'lease-until-free': {
    contract: 3,
    says: 'The lease is cleared only when an O_EXCL open shows that nothing holds the device.',
    test: agent.plan,
  },
  'fence-stale': {
    contract: 3,
    says: 'What is mounted under an epoch that was refused is shut down before it is unmounted.',
    test: agent.plan,
  },
  'thaw-first': {
    contract: 3,
    says: 'A filesystem is thawed before it is unmounted.',
    test: agent.formats,
  },
  'freeze-thaws-always': {
    contract: 3,
    says: 'What was frozen is thawed, whatever came of the work.',
    test: agent.freezer,
  },
  'freeze-not-root': {
    contract: 6,
    says: "No filesystem is frozen that the host's root, Docker or the agent is on, by its device number.",
    test: agent.freezable,
  },
  'unmount-unused': {
    contract: 6,
    says: 'Nothing is unmounted that the kernel or Docker shows to be used.',
    test: agent.plan,
  },
  'path-inside': {
    contract: 9,
    says: 'A host path is judged by where its open descriptor really is.',
    test: agent.paths,
  },
  'path-reserved': {
    contract: 9,
    says: "A host path never leads into the agent's own folders.",
    test: agent.paths,
  },
  'path-descriptor': {
    contract: 9,
    says: 'The descriptor that was checked is what is bound, not the path.',
    test: agent.paths,
  },
  'mount-options': {
    contract: 9,
    says: 'Mount options come from an allow-list.',
    test: agent.paths,
  },
  'archive-inside': {
    contract: 9,
    says: 'An archive holds files, links and directories inside one tree, each once, and none through a link.',
    test: agent.archives,
  },
  'archive-bomb': {
    contract: 9,
    says: 'An archive is refused before it takes more than what is free.',
    test: agent.archives,
  },
  'ticket-once': {
    contract: 1,
    says: 'A format ticket is given for a blank volume, and renewed while its format is not reported; never after.',
    test: api.hosts,
  },
  'ticket-in-use': {
    contract: 1,
    says: 'A format ticket is given only to the boot that has set the volume in use.',
    test: api.hosts,
  },
  'ticket-serial': {
    contract: 1,
    says: 'A format ticket is given only for the device that EC2 calls by the recorded id.',
    test: api.hosts,
  },
  'ticket-uuid': {
    contract: 1,
    says: 'Only the UUID that the ticket named counts as formatted.',
    test: api.hosts,
  },
  'host-identity': {
    contract: 3,
    says: "A host is who its role session says, and the role is the deployment's own.",
    test: api.hosts,
  },
  'lease-epoch': {
    contract: 3,
    says: 'A host acts on a volume only under the epoch that it holds now.',
    test: api.hosts,
  },
  'lease-use': {
    contract: 3,
    says: 'The end of one use, carried out late, does not end the use that has begun since.',
    test: api.hosts,
  },
  'lease-handed-back': {
    contract: 3,
    says: 'No use begins on a volume that is still coming, or is to be given back.',
    test: api.change,
  },
  'attach-busy': {
    contract: 3,
    says: 'What a host uses is not given to another, unless EC2 calls the host stopped or terminated, or a person forces it.',
    test: api.attach,
  },
  powerless: {
    contract: 3,
    says: 'Stopping and shutting-down are not stopped and terminated.',
    test: api.attach,
  },
  'lease-as-read': {
    contract: 3,
    says: 'A hand-over and a detach win only while the lease is exactly as it was read.',
    test: api.attach,
  },
  'name-claimed': {
    contract: 4,
    says: 'A name is claimed in the transaction that makes its volume: two creates at once make one.',
    test: api.create,
  },
  'create-differs': {
    contract: 4,
    says: 'A create with other parameters than the volume of its name is a conflict.',
    test: api.create,
  },
  'delete-protected': {
    contract: 5,
    says: 'A protected volume is not deleted.',
    test: api.change,
  },
  'delete-busy': {
    contract: 5,
    says: 'A volume in use is not deleted.',
    test: api.change,
  },
  'delete-not-during': {
    contract: 8,
    says: 'A delete during create, attach or detach is refused.',
    test: api.change,
  },
  revision: {
    contract: 8,
    says: 'A change of a volume wins only against the revision that it read.',
    test: api.change,
  },
  'legal-transition': {
    contract: 8,
    says: 'No write takes a volume out of the table of states.',
    test: api.table,
  },
  'step-claimed': {
    contract: 8,
    says: 'A step is claimed only where no claim stands, until its deadline and 5 s.',
    test: api.table,
  },
  'path-dots': {
    contract: 9,
    says: 'A host path has no empty, "." or ".." parts.',
    test: api.bad,
  },
  'path-roots': {
    contract: 9,
    says: 'A host path lies below an allowed root.',
    test: api.bad,
  },
} as const satisfies Readonly<Record<string, Guard>>;
