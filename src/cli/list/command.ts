import { type Command, Option } from 'commander';
import { addFilters } from '../options/filters';
import { addOutputOptions } from '../options/output-options';
import { addSettingGroup, addSettings, refuseSecrets } from '../options/setting-options';
import { type ListOptions, list } from './list';
import { SORT_KEYS } from './sort';

const EXAMPLES = `
Without a filter, list shows the resources of all sessions.

Examples:
  cleanup-action list
  cleanup-action list --stale --sort size            what a sweep would free
  cleanup-action list --status exited --older-than 24h
  cleanup-action list --format '{{.ID}} {{.Name}}'   for scripts; --json has all fields
  cleanup-action list --watch                        until Ctrl-C
`;

export function addListCommand(program: Command, env: NodeJS.ProcessEnv): void {
  const command = program
    .command('list')
    .description('Show the resources of sessions')
    .addHelpText('after', EXAMPLES)
    .action(async (options: ListOptions) => {
      process.exitCode = await list(options, env);
    });
  addFilters(command);
  for (const option of [
    new Option('--sort <column>', 'the oldest or largest first (default: by provider, kind and age)').choices(SORT_KEYS),
    new Option('--reverse', 'reverse the order'),
    new Option('--size', 'also show how much disk space a removal frees; the engine has to measure it, which may take minutes'),
    new Option('--json', 'print an array of objects').conflicts('format'),
    new Option(
      '--format <template>',
      'print a line for each resource, such as "{{.ID}} {{.Name}}"; an unknown name lists them all',
    ),
    new Option('--watch', 'show the list again every two seconds'),
  ]) {
    command.addOption(option.helpGroup('Options:'));
  }
  addSettings(command, 'Options:', ['maxAge']);
  addSettingGroup(command, 'providers');
  addOutputOptions(command);
  refuseSecrets(command);
}
