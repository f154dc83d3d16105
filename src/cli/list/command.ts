import { type Command, Option } from 'commander';
import { addOutputOptions } from '../options/common-options';
import { addFilters } from '../options/filters';
import { addSettings, PROVIDERS, refuseSecrets } from '../options/setting-options';
import { list } from './list';
import { SORT_KEYS } from './sort';

const EXAMPLES = `
Without a filter: all that carries the label of a session, whichever it is.

Examples:
  cleanup-action list
  cleanup-action list --stale --sort size            what a sweep would free
  cleanup-action list --status exited --older-than 24h
  cleanup-action list --format '{{.ID}} {{.Name}}'   for scripts; --json has all
  cleanup-action list --watch                        until Ctrl-C
`;

export function addListCommand(program: Command, env: NodeJS.ProcessEnv): void {
  const command = program
    .command('list')
    .description('Show what sessions have made')
    .addHelpText('after', EXAMPLES)
    .action(async (options) => {
      process.exitCode = await list(options, env);
    });
  addFilters(command);
  for (const option of [
    new Option('--sort <column>', 'the oldest or largest first; by default by provider, kind and age').choices(SORT_KEYS),
    new Option('--reverse', 'the other way round'),
    new Option('--size', 'also what its removal frees of the disk; the engine has to measure it, which may take minutes'),
    new Option('--json', 'an array of objects').conflicts('format'),
    new Option('--format <template>', 'a line each, such as "{{.ID}} {{.Name}}"; an unknown name lists all'),
    new Option('--watch', 'show it again every two seconds'),
  ]) {
    command.addOption(option.helpGroup('How it is shown:'));
  }
  addSettings(command, PROVIDERS);
  addSettings(command, { heading: 'What --stale means:', keys: ['maxAge'] });
  addOutputOptions(command);
  refuseSecrets(command);
}
