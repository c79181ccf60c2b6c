import type { BackupKill, KilledKind } from './backup-kills.ts';
import type { TestHost } from './host.ts';

/** A volume that operations are killed on. */
export interface Place {
  readonly name: string;
  readonly type: 'local' | 'network';
  readonly host: TestHost;
  /** `idle`: used once, attached to its host; `mounted` there; `blank`: nowhere, never used. */
  readonly state: 'idle' | 'mounted' | 'blank';
}

/**
 * A wake-up names its host and nothing else, and a host that EC2 is slow to attach to is slow for all: such an operation has a
 * host that nobody else uses for the like.
 */
export function isApart({ effect, step }: BackupKill): boolean {
  const attaching = step === 'attachVolume' || step === 'detachVolume';
  return effect.service === 'sqs' || (effect.what === 'say' && attaching);
}

export type Kills = Readonly<Record<KilledKind, readonly BackupKill[]>>;

export interface Hosts {
  readonly common: readonly TestHost[];
  /** For what {@link isApart}. */
  readonly apart: TestHost;
}

/** Which volumes there are, and which kill is on which. */
export class Cast {
  readonly idle: readonly Place[];
  readonly mounted: readonly Place[];
  readonly further: readonly Place[];
  readonly blank: readonly Place[];
  readonly network: readonly Place[];
  readonly #hosts: Hosts;
  #next = 0;

  constructor(kills: Kills, hosts: Hosts, nameOf: () => string) {
    this.#hosts = hosts;
    const own = (kind: KilledKind, state: Place['state'], type: Place['type'] = 'local'): Place[] =>
      kills[kind].map((kill) => ({ name: kill.key, type, state, host: this.hostOf(kill) }));
    this.idle = own('backup', 'idle');
    this.mounted = own('frozenBackup', 'mounted');
    this.blank = own('import', 'blank');
    this.network = own('recoveryPoint', 'idle', 'network');
    const further = { type: 'local', state: 'idle' } as const;
    this.further = [true, false].flatMap((apart) => {
      const missing = Math.max(...lacking(kills, this).map((count) => count(apart)));
      return Array.from({ length: missing }, () => {
        return { ...further, name: nameOf(), host: apart ? hosts.apart : this.#another() };
      });
    });
  }

  get all(): readonly Place[] {
    return [...this.idle, ...this.mounted, ...this.further, ...this.blank, ...this.network];
  }

  hostOf(kill: BackupKill): TestHost {
    return isApart(kill) ? this.#hosts.apart : this.#another();
  }

  isOnApart = ({ host }: Place): boolean => host === this.#hosts.apart;

  /** Gives each of the kills one of the volumes, on the host apart those that need it. By the kill's key. */
  assign(kills: readonly BackupKill[], places: readonly Place[]): ReadonlyMap<string, Place> {
    const free = [...places];
    return new Map(
      kills.map((kill) => {
        const at = free.findIndex((place) => this.isOnApart(place) === isApart(kill));
        const [place] = at < 0 ? [] : free.splice(at, 1);
        if (place === undefined) throw new RangeError(`Too few volumes for ${kill.kind}.`);
        return [kill.key, place];
      }),
    );
  }

  #another(): TestHost {
    const { common } = this.#hosts;
    return common[this.#next++ % common.length] as TestHost;
  }
}

/** How many volumes each operation needs that the others do not bring along. */
function lacking(kills: Kills, { idle, mounted, isOnApart }: Cast): ((apart: boolean) => number)[] {
  const uses: readonly (readonly [KilledKind, readonly Place[]])[] = [
    ['drill', [...idle, ...mounted]],
    ['export', idle],
    ['restoreInPlace', mounted],
  ];
  return uses.map(([kind, there]) => (apart) => {
    const wanted = kills[kind].filter((kill) => isApart(kill) === apart).length;
    return Math.max(0, wanted - there.filter((place) => isOnApart(place) === apart).length);
  });
}
