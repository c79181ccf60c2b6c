import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { ProductError } from '#shared/model/errors.ts';

interface Announced {
  readonly path: string;
  /** What serves the purpose in this release. */
  readonly instead: string;
}

/** Commands that the product's documents show and that are not there yet: named, never taken for something else. */
const announcedGroups: readonly Announced[] = [
  {
    path: 'app',
    instead:
      'Run the container with Docker: docker run --volume-driver hivemind -v my-data-volume:/var/lib/mysql mysql:8',
  },
  {
    path: 'security',
    instead: 'Grant execute-api:Invoke on the routes with IAM policies; see docs/administration_guide.md.',
  },
];

const announcedOnVolumes: readonly Announced[] = [
  { path: 'usage', instead: 'On the host, run: df -h /var/lib/hivemind/volumes/NAME' },
  { path: 'set-alert', instead: 'On the host, watch: df -h /var/lib/hivemind/volumes/NAME' },
];

export function futureCommands(): CommandUnknownOpts[] {
  return announcedGroups.map((announced) => future(announced, announced.path));
}

export function futureVolumeCommands(): CommandUnknownOpts[] {
  return announcedOnVolumes.map((announced) => future(announced, `volume ${announced.path}`));
}

/** Takes whatever follows, so that the answer is about the command and not about one of its flags. */
function future({ path, instead }: Announced, full: string): CommandUnknownOpts {
  return new Command(path)
    .allowUnknownOption()
    .allowExcessArguments()
    .helpOption(false)
    .action(() => {
      throw new ProductError('NotImplemented', `"hivemind ${full}" is not part of this release.`, {
        allowed: 'hivemind volume, backup, host, operation, doctor, proxy, completion, version',
        hint: instead,
      });
    });
}
