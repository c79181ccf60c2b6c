import type { Command } from '@commander-js/extra-typings';
import { act, examples, group, leaf } from '../../command.ts';
import { withBucket } from '../bucket-options.ts';
import { withCut } from '../cut-options.ts';
import { withWaiting } from '../../operation/options.ts';
import type { World } from '../../world.ts';

export function policyCommands(world: World) {
  const policies = group('policy', 'Back volumes up on a schedule, and remove what no rule keeps').alias(
    'policies',
  );
  policies.addCommand(create(world));
  policies.addCommand(list(world));
  policies.addCommand(inspect(world));
  policies.addCommand(update(world));
  policies.addCommand(pause(world));
  policies.addCommand(resume(world));
  policies.addCommand(run(world));
  policies.addCommand(remove(world));
  policies.addCommand(preview(world));
  return policies;
}

/** What a policy is made of; the API says what is allowed. */
function withSettings<
  A extends unknown[],
  O extends Record<string, unknown>,
  G extends Record<string, unknown>,
>(command: Command<A, O, G>) {
  return withBucket(withCut(command))
    .option('--schedule <expression>', 'when: minute, hour, day of the month, month, day of the week')
    .option('--timezone <zone>', 'IANA zone of the schedule and of the days that are kept (default: UTC)')
    .option('--selector <conditions>', 'which volumes: labels as key=value, key or !key, with commas')
    .option('--keep-last <count>', 'keep the newest backups')
    .option('--keep-daily <count>', 'keep the newest of each of the last days that have one')
    .option('--keep-weekly <count>', 'keep the newest of each of the last weeks that have one')
    .option('--keep-monthly <count>', 'keep the newest of each of the last months that have one')
    .option('--keep-yearly <count>', 'keep the newest of each of the last years that have one')
    .option(
      '--engine <engine>',
      'native (the default): by the drivers’ own means, files where there is none; restic: all as files',
    )
    .option('--copy-to <region>', 'copy each backup to another Region; none: no more')
    .option('--objective <duration>', 'how old the newest good backup may get, such as 26h')
    .option(
      '--drill <expression>',
      'when to drill the newest backup of each volume, or "off" (default: never)',
    )
    .option('--description <text>', 'for people');
}

function create(world: World) {
  return withSettings(leaf('create', 'Create a backup policy'))
    .argument('[name]', 'name of the policy')
    .option('--name <name>', 'name of the policy')
    .addHelpText(
      'after',
      examples(
        'hivemind backup policy create --name nightly --schedule "0 2 * * *" --timezone Europe/Berlin --selector backup=true --keep-last 3 --keep-daily 7',
        'hivemind backup policy create --name files --schedule "0 3 * * *" --selector backup=true --engine restic --s3-endpoint https://minio.example:9000 --bucket backups --credentials-secret hivemind/endpoints/minio',
        'hivemind backup policy create --name proven --schedule "0 2 * * *" --selector backup=true --drill "0 4 * * 0"',
      ),
    )
    .action(async (name, options, command) =>
      act(world, command, async (context) =>
        (await import('./create.ts')).createPolicy(context, { ...options, positional: name }),
      ),
    );
}

function list(world: World) {
  return leaf('ls', 'List backup policies')
    .alias('list')
    .option('-q, --quiet', 'print names only')
    .addHelpText('after', examples('hivemind backup policy ls'))
    .action(async (options, command) =>
      act(world, command, async (context) => (await import('./show.ts')).listPolicies(context, options)),
    );
}

function inspect(world: World) {
  return leaf('inspect', 'Show one policy with its last runs')
    .alias('show')
    .argument('[name]', 'name of the policy')
    .option('--name <name>', 'name of the policy')
    .addHelpText('after', examples('hivemind backup policy inspect nightly'))
    .action(async (name, options, command) =>
      act(world, command, async (context) =>
        (await import('./show.ts')).inspectPolicy(context, { ...options, positional: name }),
      ),
    );
}

function update(world: World) {
  return withSettings(leaf('update', 'Change settings of a policy; a rule with 0 is dropped'))
    .argument('[name]', 'name of the policy')
    .option('--name <name>', 'name of the policy')
    .addHelpText(
      'after',
      examples(
        'hivemind backup policy update nightly --keep-daily 14',
        'hivemind backup policy update files --s3-endpoint none   # back to the archive bucket',
      ),
    )
    .action(async (name, options, command) =>
      act(world, command, async (context) =>
        (await import('./update.ts')).updatePolicy(context, { ...options, positional: name }),
      ),
    );
}

function pause(world: World) {
  return leaf('pause', 'Let a policy run no more until it is resumed')
    .argument('[name]', 'name of the policy')
    .option('--name <name>', 'name of the policy')
    .addHelpText('after', examples('hivemind backup policy pause nightly'))
    .action(async (name, options, command) =>
      act(world, command, async (context) =>
        (await import('./update.ts')).pausePolicy(context, { ...options, positional: name }),
      ),
    );
}

function resume(world: World) {
  return leaf('resume', 'Let a paused policy run again')
    .argument('[name]', 'name of the policy')
    .option('--name <name>', 'name of the policy')
    .addHelpText('after', examples('hivemind backup policy resume nightly'))
    .action(async (name, options, command) =>
      act(world, command, async (context) =>
        (await import('./update.ts')).resumePolicy(context, { ...options, positional: name }),
      ),
    );
}

function run(world: World) {
  return withWaiting(leaf('run', 'Run a policy now: back its volumes up, or drill their backups'))
    .argument('[name]', 'name of the policy')
    .option('--name <name>', 'name of the policy')
    .option('--drill', 'drill the newest backup of each volume in place of making one')
    .addHelpText(
      'after',
      examples('hivemind backup policy run nightly', 'hivemind backup policy run nightly --drill'),
    )
    .action(async (name, options, command) =>
      act(world, command, async (context) =>
        (await import('./run.ts')).runPolicy(context, { ...options, positional: name }),
      ),
    );
}

function remove(world: World) {
  return leaf('delete', 'Remove a policy; its backups stay')
    .alias('rm')
    .argument('[name]', 'name of the policy')
    .option('--name <name>', 'name of the policy')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', examples('hivemind backup policy delete nightly --yes'))
    .action(async (name, options, command) =>
      act(world, command, async (context) =>
        (await import('./update.ts')).deletePolicy(context, { ...options, positional: name }),
      ),
    );
}

function preview(world: World) {
  return leaf('preview', 'Show what a policy selects, when it runs, what it keeps and why, what it prunes')
    .argument('[name]', 'name of the policy')
    .option('--name <name>', 'name of the policy')
    .addHelpText('after', examples('hivemind backup policy preview nightly'))
    .action(async (name, options, command) =>
      act(world, command, async (context) =>
        (await import('./preview.ts')).previewPolicy(context, { ...options, positional: name }),
      ),
    );
}
