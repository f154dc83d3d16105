import { Command } from 'commander';
import { version } from '../../package.json';
import { addCompletionCommands } from './completion/command';
import { addListCommand } from './list/command';
import { helpConfiguration } from './options/help';
import { addReportCommand } from './report/command';
import { addRunCommand } from './run/command';
import { addSweepCommand } from './sweep/command';

const EXAMPLES = `
Examples:
  cleanup-action run -- ./benchmark.sh     what it labels is gone when it ends
  cleanup-action list                      what sessions have made
  cleanup-action sweep --stale             removes what ended sessions have left
  cleanup-action sweep --older-than 24h --dry-run
  cleanup-action report report.json        for people
  cleanup-action run --help                all that run can

A variable sets the default of each setting: CLEANUP_GRACE_PERIOD that of
--grace-period. Keys are variables only: DAYTONA_API_KEY.

Exit codes: 0 done; 1 something is left or failed; 2 usage; 69 a provider that
is needed can’t be reached. run ends with the command’s own.
`;

/**
 * The whole command line. Its commands set `process.exitCode`, and throw the errors that `start` prints.
 * @param columns the terminal's width, for the help
 */
export function commandLine(env: NodeJS.ProcessEnv, columns?: number): Command {
  const program = new Command('cleanup-action')
    .description('What your benchmark starts is gone when it ends, and you are shown that it is.')
    .version(version, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this; after a command: its options')
    .helpCommand(false)
    .configureHelp(helpConfiguration(columns))
    .enablePositionalOptions()
    .addHelpText('after', EXAMPLES);
  addRunCommand(program, env);
  addListCommand(program, env);
  addSweepCommand(program, env);
  addReportCommand(program, env);
  addCompletionCommands(program);
  return program;
}
