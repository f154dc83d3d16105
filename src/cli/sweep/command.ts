import { type Command, Option } from 'commander';
import { addOutputOptions } from '../options/common-options';
import { addFilters } from '../options/filters';
import { addSettings, PROVIDERS, REMOVAL, refuseSecrets } from '../options/setting-options';
import { sweepNow } from './sweep';

const EXAMPLES = `
Without a filter it refuses; --provider and --kind only narrow what others
select. What belongs to a run in progress on this host is left alone, unless
--session names it or --all takes everything. What carries the label
io.github.cleanup-action.keep=true is never removed.

Examples:
  cleanup-action sweep --stale                      what ended sessions have left
  cleanup-action sweep --session "$CLEANUP_SESSION_ID"
  cleanup-action sweep --older-than 24h --dry-run   what would go
  cleanup-action sweep --label com.docker.compose.project=bench --status exited
  cleanup-action sweep --all --yes                  all, without being asked
  cleanup-action sweep --stale --quiet              for cron
`;

export function addSweepCommand(program: Command, env: NodeJS.ProcessEnv): void {
  const command = program
    .command('sweep')
    .description('Remove what filters select')
    .addHelpText('after', EXAMPLES)
    .action(async (options) => {
      process.exitCode = await sweepNow(options, env);
    });
  addFilters(command);
  for (const option of [
    new Option('-y, --yes', 'with --all: without being asked'),
    new Option('--no-wait', 'when another sweep is in progress, do nothing and end with 0, instead of waiting for it'),
    new Option('--json', 'print the report as JSON'),
  ]) {
    command.addOption(option.helpGroup('How it goes about it:'));
  }
  addSettings(command, {
    heading: 'How it goes about it:',
    keys: ['dryRun', 'maxAge', 'resources', 'reportPath', 'metricsPath'],
  });
  addSettings(command, PROVIDERS);
  addSettings(command, REMOVAL);
  addOutputOptions(command);
  refuseSecrets(command);
}
