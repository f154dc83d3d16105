import { Command } from 'commander';
import { version } from '../../package.json';
import { addCompletionCommands } from './completion/command';
import { addListCommand } from './list/command';
import { helpConfiguration } from './options/help';
import { addReportCommand } from './report/command';
import { addRunCommand } from './run/command';
import { addServiceCommands } from './service/command';
import { addSweepCommand } from './sweep/command';

const EXAMPLES = `
Examples:
  cleanup-action run -- ./benchmark.sh     run it, then remove what it created
  cleanup-action list                      show the resources of sessions
  cleanup-action sweep --stale             remove leftovers of ended sessions
  cleanup-action sweep --older-than 24h --dry-run
  cleanup-action report report.json        show a report as a summary
  cleanup-action run --help                show all options of run

A variable sets the default of an option: CLEANUP_GRACE_PERIOD for
--grace-period. Secrets can only be set as variables: DAYTONA_API_KEY.

Exit codes: 0 success; 1 a resource is left, or something failed; 2 wrong usage;
69 a required provider can’t be reached. run ends with the exit code of its command.
`;

/**
 * The whole command line. Commands set `process.exitCode`, and throw errors for `start` to print.
 * @param columns the terminal's width, for the help
 */
export function commandLine(env: NodeJS.ProcessEnv, columns?: number): Command {
  const program = new Command('cleanup-action')
    .description('What your benchmark starts is gone when it ends, and you are shown that it is.')
    .version(version, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help; after a command, the command’s options')
    .helpCommand(false)
    .configureHelp(helpConfiguration(columns))
    .enablePositionalOptions()
    .addHelpText('after', EXAMPLES);
  addRunCommand(program, env);
  addListCommand(program, env);
  addSweepCommand(program, env);
  addReportCommand(program, env);
  addServiceCommands(program, env);
  addCompletionCommands(program);
  return program;
}
