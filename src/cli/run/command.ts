import { type Command, Option } from 'commander';
import { addOutputOptions } from '../options/output-options';
import { addSettingGroup, refuseSecrets } from '../options/setting-options';
import { type RunOptions, run } from './run';

const EXAMPLES = `
The command is started directly, without a shell. It finds CLEANUP_SESSION_ID,
CLEANUP_LABEL (for docker run --label) and CLEANUP_LABEL_FILE (for docker run
--label-file) in its environment. When it ends, for whatever reason, everything
with the session’s label is removed.

run ends with the command’s exit code; 128 + n when signal n ended the command
or run; 124 at the timeout; 126 or 127 when the command could not be started.

The first Ctrl-C, SIGTERM or SIGHUP ends the command and cleans up; the second
one cleans up without a grace period; the third one ends run at once and shows
what is left.

Examples:
  cleanup-action run -- ./benchmark.sh --tasks all
  cleanup-action run --timeout 2h --grace-period 10s -- make benchmark
  cleanup-action run --label com.docker.compose.project=bench -- ./compose.sh
  cleanup-action run -- bash -c 'docker run --rm --label "$CLEANUP_LABEL" bench'
  cleanup-action run --session "gitlab-$CI_JOB_ID" -- ./benchmark.sh
                       and in after_script: sweep --session "gitlab-$CI_JOB_ID"
`;

export function addRunCommand(program: Command, env: NodeJS.ProcessEnv): void {
  const command = program
    .command('run')
    .description('Run a command and remove everything it leaves behind')
    .usage('[options] -- COMMAND [ARGUMENT…]')
    .argument('<command...>')
    .passThroughOptions()
    .addHelpText('after', EXAMPLES)
    .action(async (words: readonly string[], options: RunOptions) => {
      process.exitCode = await run(words, options, env);
    });
  command.addOption(
    new Option('--session <id>', 'the session’s id, such as the build’s (default: a new one)').helpGroup('The command:'),
  );
  addSettingGroup(command, 'benchmark');
  addSettingGroup(command, 'ownership');
  addSettingGroup(command, 'timing');
  addSettingGroup(command, 'removal');
  addSettingGroup(command, 'providers');
  addSettingGroup(command, 'files');
  addOutputOptions(command);
  refuseSecrets(command);
}
