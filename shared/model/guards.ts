/** One line of the product that enforces a contract of docs/contracts.md, marked `// guard: NAME` where it stands. */
export interface Guard {
  /** Number of the contract. */
  readonly contract: 1 | 2 | 3 | 4 | 5 | 6 | 8 | 9;
  readonly says: string;
  /** Test file that fails when the line is switched off; `npm run test:guards` proves it. */
  readonly test: string;
}

const workers = 'test/unit/workers/guards.test.ts';

/** Every guard, by name. There is no switch at run time: the proof changes the source that the test loads. */
export const guards = {
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
} as const satisfies Readonly<Record<string, Guard>>;
