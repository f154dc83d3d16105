import { type Command, Option } from 'commander';
import { addFilters } from '../options/filters';
import { addOutputOptions } from '../options/output-options';
import { addSettingGroup, addSettings, refuseSecrets } from '../options/setting-options';
import { type SweepOptions, sweep } from './sweep';

const EXAMPLES = `
sweep needs a filter; --provider and --kind only narrow what the others select.
It asks before it removes the resources of all sessions: with --all, with
--status alone, and with an age of less than a minute. Runs in progress on this
host are left alone, unless --session names one or --all is given. Resources
with the label io.github.cleanup-action.keep=true are never removed.

Examples:
  cleanup-action sweep --stale                      leftovers of ended sessions
  cleanup-action sweep --session "$CLEANUP_SESSION_ID"
  cleanup-action sweep --older-than 24h --dry-run   show what would be removed
  cleanup-action sweep --label com.docker.compose.project=bench --status exited
  cleanup-action sweep --all --yes                  remove everything, without asking
  cleanup-action sweep --stale --quiet              for cron
`;

export function addSweepCommand(program: Command, env: NodeJS.ProcessEnv): void {
  const command = program
    .command('sweep')
    .description('Remove the resources that filters select')
    .addHelpText('after', EXAMPLES)
    .action(async (options: SweepOptions) => {
      process.exitCode = await sweep(options, env);
    });
  addFilters(command);
  for (const option of [
    new Option('-y, --yes', 'do not ask before removing the resources of all sessions'),
    new Option('--no-wait', 'when another sweep is in progress, do nothing and end with 0'),
    new Option('--json', 'print the report as JSON'),
  ]) {
    command.addOption(option.helpGroup('Options:'));
  }
  addSettings(command, 'Options:', ['dryRun', 'maxAge', 'resources', 'reportPath', 'metricsPath']);
  addSettingGroup(command, 'removal');
  addSettingGroup(command, 'providers');
  addOutputOptions(command);
  refuseSecrets(command);
}
