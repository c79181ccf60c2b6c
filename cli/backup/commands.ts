import { act, actOfRegion, examples, group, leaf, leafOfRegion } from '../command.ts';
import { withWaiting } from '../operation/options.ts';
import type { World } from '../world.ts';
import { policyCommands } from './policy/commands.ts';

export function backupCommands(world: World) {
  const backups = group('backup', 'List, show, keep and remove backups, and make them on a schedule').alias(
    'backups',
  );
  backups.addCommand(list(world));
  backups.addCommand(inspect(world));
  backups.addCommand(remove(world));
  backups.addCommand(copy(world));
  backups.addCommand(drill(world));
  backups.addCommand(browse(world));
  backups.addCommand(extract(world));
  backups.addCommand(hold(world));
  backups.addCommand(release(world));
  backups.addCommand(policyCommands(world));
  return backups;
}

function list(world: World) {
  return leaf('ls', 'List backups, newest first')
    .alias('list')
    .option('--volume <name>', 'only those of this volume, by name or id')
    .option('--state <state>', 'only creating, available, failed or deleting ones')
    .option('--kind <kind>', 'only snapshot, recovery-point or archive')
    .option('--origin <origin>', 'only manual, policy, final, guard or copy')
    .option('-q, --quiet', 'print ids only')
    .addHelpText('after', examples('hivemind backup ls --volume my-data-volume', 'hivemind backup ls --json'))
    .action(async (options, command) =>
      act(world, command, async (context) => (await import('./list.ts')).listBackups(context, options)),
    );
}

function inspect(world: World) {
  return leaf('inspect', 'Show one backup')
    .alias('show')
    .argument('[id]', 'id of the backup')
    .option('--id <id>', 'id of the backup')
    .addHelpText('after', examples('hivemind backup inspect bak-01J0…'))
    .action(async (id, options, command) =>
      act(world, command, async (context) =>
        (await import('./inspect.ts')).inspectBackup(context, { ...options, positional: id }),
      ),
    );
}

function remove(world: World) {
  return withWaiting(leaf('delete', 'Remove a backup for good'))
    .alias('rm')
    .argument('[id]', 'id of the backup')
    .option('--id <id>', 'id of the backup')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', examples('hivemind backup delete bak-01J0… --yes'))
    .action(async (id, options, command) =>
      act(world, command, async (context) =>
        (await import('./delete.ts')).deleteBackup(context, { ...options, positional: id }),
      ),
    );
}

function copy(world: World) {
  return withWaiting(leafOfRegion('copy', 'Copy a backup to another Region, under the key of that one'))
    .argument('[id]', 'id of the backup')
    .option('--id <id>', 'id of the backup')
    .option('--region <region>', 'where the copy shall be: a Region that the deployment has a key in')
    .option('--description <text>', 'for people')
    .addHelpText('after', examples('hivemind backup copy bak-01J0… --region eu-west-1'))
    .action(async (id, options, command) =>
      actOfRegion(world, command, async (context) =>
        (await import('./copy.ts')).copyBackup(context, { ...options, positional: id }),
      ),
    );
}

function drill(world: World) {
  return withWaiting(
    leaf('drill', 'Prove that a backup restores: to a scratch volume that a host looks into'),
  )
    .argument('[id]', 'id of the backup')
    .option('--id <id>', 'id of the backup')
    .option(
      '--check <command>',
      'a command for sh -c, run in the restored data directory; exit code 0 passes',
    )
    .option('--check-timeout <seconds>', 'how long it may take; default 600', Number)
    .option('--host <id>', 'the host that looks; default: a running one of the namespace')
    .addHelpText(
      'after',
      examples(
        'hivemind backup drill bak-01J0…',
        'hivemind backup drill bak-01J0… --check "test -s db/data.sql"',
      ),
    )
    .action(async (id, options, command) =>
      act(world, command, async (context) =>
        (await import('./drill.ts')).drillBackup(context, { ...options, positional: id }),
      ),
    );
}

function browse(world: World) {
  return leaf('browse', 'List a directory of a backup, without restoring it')
    .argument('<id>', 'id of the backup')
    .argument('[path]', 'below the volume’s root; default: the root itself')
    .option('-q, --quiet', 'print paths only, as extract takes them')
    .option('--host <id>', 'the host that reads; default: a running one of the namespace')
    .option('--timeout <duration>', 'how long to wait at most; default 24h')
    .addHelpText(
      'after',
      examples('hivemind backup browse bak-01J0…', 'hivemind backup browse bak-01J0… db --json'),
    )
    .action(async (...[backup, path, options, command]) =>
      act(world, command, async (context) =>
        (await import('./browse.ts')).browseBackup(context, { backup, path }, options),
      ),
    );
}

function extract(world: World) {
  return leaf('extract', 'Fetch one file or directory of a backup, without restoring the rest')
    .argument('<id>', 'id of the backup')
    .argument('<path>', 'below the volume’s root; "." is the root itself')
    .option(
      '--output <file|directory>',
      'where it goes: a file as it is, a directory as a tar.gz; default: here, under its own name',
    )
    .option('--overwrite', 'replace a file that is there')
    .option('--host <id>', 'the host that reads; default: a running one of the namespace')
    .option('--timeout <duration>', 'how long to wait at most; default 24h')
    .addHelpText(
      'after',
      examples(
        'hivemind backup extract bak-01J0… db/data.sql',
        'hivemind backup extract bak-01J0… db --output db.tar.gz',
      ),
    )
    .action(async (...[backup, path, options, command]) =>
      act(world, command, async (context) =>
        (await import('./extract.ts')).extractBackup(context, { backup, path }, options),
      ),
    );
}

function hold(world: World) {
  return leaf('hold', 'Put a backup under a hold: neither retention nor a person removes it')
    .argument('[id]', 'id of the backup')
    .option('--id <id>', 'id of the backup')
    .option('--reason <text>', 'why, for people')
    .addHelpText('after', examples('hivemind backup hold bak-01J0… --reason "audit 2026"'))
    .action(async (id, options, command) =>
      act(world, command, async (context) =>
        (await import('./hold.ts')).holdBackup(context, { ...options, positional: id }),
      ),
    );
}

function release(world: World) {
  return leaf('release', 'End a hold')
    .argument('[id]', 'id of the backup')
    .option('--id <id>', 'id of the backup')
    .addHelpText('after', examples('hivemind backup release bak-01J0…'))
    .action(async (id, options, command) =>
      act(world, command, async (context) =>
        (await import('./hold.ts')).releaseBackup(context, { ...options, positional: id }),
      ),
    );
}
