import { Option } from '@commander-js/extra-typings';
import { withBucket } from '../backup/bucket-options.ts';
import { withCut } from '../backup/cut-options.ts';
import { act, examples, group, leaf } from '../command.ts';
import { futureVolumeCommands } from '../future.ts';
import { withWaiting } from '../operation/options.ts';
import type { World } from '../world.ts';

export function volumeCommands(world: World) {
  const volumes = group('volume', 'Create, list, change and delete volumes').alias('volumes');
  volumes.addCommand(create(world));
  volumes.addCommand(list(world));
  volumes.addCommand(inspect(world));
  volumes.addCommand(update(world));
  volumes.addCommand(remove(world));
  volumes.addCommand(undelete(world));
  volumes.addCommand(attach(world));
  volumes.addCommand(detach(world));
  volumes.addCommand(backup(world));
  volumes.addCommand(restore(world));
  for (const command of futureVolumeCommands()) volumes.addCommand(command, { hidden: true });
  return volumes;
}

function create(world: World) {
  return withWaiting(leaf('create', 'Create a volume; the same name and flags again give the same volume'))
    .argument('[name]', 'name of the volume')
    .option('--name <name>', 'name of the volume')
    .option(
      '--size <size>',
      'size, such as 500M, 10G, 1Ti (powers of 1024); default 10G where the type has one',
    )
    .option('--type <type>', 'local, network, hostpath or ephemeral (default: local)')
    .option('--driver <driver>', 'ebs, efs, bind or tmpfs (default: that of the type)')
    .option('--labels <labels>', 'labels, such as app=db,env=prod')
    .option('--options <options>', 'options of the driver, such as path=/data/hostpath')
    .option('--mount-options <options>', 'mount options, such as noatime,discard')
    .option('--filesystem <type>', 'ext4 or xfs (default: ext4)')
    .option('--owner <uid:gid>', 'owner of the volume’s directory')
    .option('--mode <mode>', 'octal mode of the volume’s directory, such as 0750')
    .option('--read-only', 'containers may only read it')
    .option('--encrypted', 'encrypt it (the default)')
    .option('--no-encrypted', 'do not encrypt it')
    .option('--zone <zone>', 'availability zone; without one, that of the first host that attaches it')
    .option('--description <text>', 'a text for people')
    .option('--protect', 'refuse to delete it until "hivemind volume update --no-protect"')
    .addHelpText(
      'after',
      examples(
        'hivemind volume create my-data-volume --size 10G',
        'hivemind volume create --name mysql-prod-data --labels "app=mysql,env=prod"',
        'hivemind volume create shared --type network --owner 1000:1000',
        'hivemind volume create --name my-host-volume --type hostpath --options "path=/data/hostpath"',
      ),
    )
    .action(async (name, options, command) =>
      act(world, command, async (context) =>
        (await import('./create.ts')).createVolume(context, { ...options, positional: name }),
      ),
    );
}

function list(world: World) {
  return leaf('ls', 'List volumes')
    .alias('list')
    .option('--labels <conditions>', 'only those with these labels: key=value, key, !key')
    .option('--type <type>', 'only those of this type')
    .option('--deleted', 'list deleted volumes that can still be undeleted')
    .option('-q, --quiet', 'print names only')
    .addHelpText(
      'after',
      examples(
        'hivemind volume ls --labels "app=db,!legacy"',
        `hivemind volume ls --format json | jq -r '.[] | select(.labels.backup=="true") | .name'`,
      ),
    )
    .action(async (options, command) =>
      act(world, command, async (context) => (await import('./list.ts')).listVolumes(context, options)),
    );
}

function inspect(world: World) {
  return leaf('inspect', 'Show one volume with its attachments')
    .alias('show')
    .argument('[name]', 'name of the volume')
    .option('--name <name>', 'name of the volume')
    .addHelpText(
      'after',
      examples('hivemind volume inspect my-data-volume', 'hivemind volume inspect db --json'),
    )
    .action(async (name, options, command) =>
      act(world, command, async (context) =>
        (await import('./inspect.ts')).inspectVolume(context, { ...options, positional: name }),
      ),
    );
}

function update(world: World) {
  return withCut(leaf('update', 'Change labels, description, protection or how backups are cut'))
    .argument('[name]', 'name of the volume')
    .option('--name <name>', 'name of the volume')
    .option('--labels <labels>', 'replace all labels with these; "" removes them')
    .addOption(new Option('--label-add <labels>', 'add or change these labels').conflicts('labels'))
    .addOption(new Option('--label-rm <keys>', 'remove the labels with these keys').conflicts('labels'))
    .option('--description <text>', 'replace the description')
    .option('--protect', 'refuse to delete it')
    .option('--no-protect', 'allow to delete it again')
    .addHelpText(
      'after',
      examples(
        'hivemind volume update my-data-volume --label-add backup=true',
        'hivemind volume update my-data-volume --protect --description "orders, do not lose"',
        'hivemind volume update db --pre-hook "psql -c CHECKPOINT" --hook-container db',
      ),
    )
    .action(async (name, options, command) =>
      act(world, command, async (context) =>
        (await import('./update.ts')).updateVolume(context, { ...options, positional: name }),
      ),
    );
}

function remove(world: World) {
  return withWaiting(leaf('delete', 'Delete a volume; it can be undeleted until the undo window ends'))
    .alias('rm')
    .argument('[name]', 'name of the volume')
    .option('--name <name>', 'name of the volume')
    .option('--force', 'also when it is in use: waits until its host has handed it back')
    .option('--purge', 'free the storage at once; nothing can bring the data back')
    .option('-y, --yes', 'do not ask')
    .addHelpText(
      'after',
      examples(
        'hivemind volume delete my-data-volume',
        'hivemind volume delete --name scratch --purge --yes',
      ),
    )
    .action(async (name, options, command) =>
      act(world, command, async (context) =>
        (await import('./delete.ts')).deleteVolume(context, { ...options, positional: name }),
      ),
    );
}

function undelete(world: World) {
  return withWaiting(
    leaf('undelete', 'Bring a deleted volume back, from its final backup once its storage is freed'),
  )
    .argument('[name]', 'name that the volume had')
    .option('--name <name>', 'name that the volume had')
    .option('--as <name>', 'bring it back under this name')
    .option('--id <id>', 'which one, when several of that name were deleted')
    .addHelpText(
      'after',
      examples('hivemind volume undelete my-data-volume', 'hivemind volume undelete db --as db-of-yesterday'),
    )
    .action(async (name, options, command) =>
      act(world, command, async (context) =>
        (await import('./undelete.ts')).undeleteVolume(context, { ...options, positional: name }),
      ),
    );
}

function attach(world: World) {
  return withWaiting(leaf('attach', 'Attach a volume to a host'))
    .argument('[name]', 'name of the volume')
    .option('--name <name>', 'name of the volume')
    .option('--host <id>', 'instance id of the host')
    .option('--read-only', 'containers of that host may only read it')
    .option(
      '--force-detach',
      'take it from a host that does not answer; what that host has not synced is lost',
    )
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', examples('hivemind volume attach my-data-volume --host i-0123456789abcdef0'))
    .action(async (name, options, command) =>
      act(world, command, async (context) =>
        (await import('./attach.ts')).attachVolume(context, { ...options, positional: name }),
      ),
    );
}

function detach(world: World) {
  return withWaiting(leaf('detach', 'Detach a volume from its host'))
    .argument('[name]', 'name of the volume')
    .option('--name <name>', 'name of the volume')
    .option('--host <id>', 'instance id of the host; needed when several have it')
    .option(
      '--force-detach',
      'take it from a host that does not answer; what that host has not synced is lost',
    )
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', examples('hivemind volume detach my-data-volume'))
    .action(async (name, options, command) =>
      act(world, command, async (context) =>
        (await import('./detach.ts')).detachVolume(context, { ...options, positional: name }),
      ),
    );
}

function backup(world: World) {
  return withBucket(withCut(withWaiting(leaf('backup', 'Back a volume up'))))
    .argument('[name]', 'name of the volume')
    .option('--name <name>', 'name of the volume')
    .option('--description <text>', 'a text for people')
    .option('--output <file>', 'write the files to this tar.gz; always waits')
    .option('--overwrite', 'with --output: replace a file that is there')
    .option('--engine <engine>', 'native (AWS’s own; the default) or restic (files; default for hostpath)')
    .option('--host <id>', 'with --output or restic: which host shall read the volume')
    .addHelpText(
      'after',
      examples(
        'hivemind volume backup my-data-volume',
        'hivemind volume backup --name db --no-wait',
        'hivemind volume backup db --pre-hook "redis-cli save"',
        'hivemind volume backup --name shared --engine restic',
        'hivemind volume backup --name my-data-volume --output /path/to/backup/file.tar.gz',
      ),
    )
    .action(async (name, options, command) =>
      act(world, command, async (context) =>
        (await import('./backup.ts')).backupVolume(context, { ...options, positional: name }),
      ),
    );
}

function restore(world: World) {
  return withWaiting(leaf('restore', 'Restore a backup or an archive, to a new volume or in place'))
    .argument('[name]', 'name of the volume')
    .option('--name <name>', 'name of the volume')
    .option('--backup <id>', 'the backup')
    .addOption(
      new Option('--input <file>', 'the tar.gz that "volume backup --output" wrote; always waits').conflicts(
        'backup',
      ),
    )
    .option('--zone <zone>', 'availability zone (default: that of the volume backed up)')
    .option('--force', 'in place of a volume that is in use: wait until its containers have stopped')
    .option('-y, --yes', 'replace what a volume of that name holds without asking; it is kept')
    .option('--host <id>', 'with --input or an archive: which host shall write the files')
    .option('--options <options>', 'of an archive: options in place of its own, such as path=/data/other')
    .addHelpText(
      'after',
      examples(
        'hivemind volume restore my-data-volume --backup bak-01J0…',
        'hivemind volume restore db --backup bak-01J0… --force --yes',
        'hivemind volume restore --name my-data-volume --input /path/to/backup/file.tar.gz',
        'hivemind volume restore --name my-data-volume --input /path/to/backup/file.tar.gz --yes',
      ),
    )
    .action(async (name, options, command) =>
      act(world, command, async (context) =>
        (await import('./restore.ts')).restoreVolume(context, { ...options, positional: name }),
      ),
    );
}
