import { type Command, Option } from 'commander';
import { addOutputOptions } from '../options/common-options';
import { addSettings, PROVIDERS, REMOVAL, refuseSecrets } from '../options/setting-options';
import { runHere } from './run';

const EXAMPLES = `
The command runs as it is, without a shell. Its environment has
CLEANUP_SESSION_ID, CLEANUP_LABEL (for docker run --label) and
CLEANUP_LABEL_FILE (for docker run --label-file). Whatever becomes of it, all
that carries the session’s label is removed when it ends. The exit code is the
command’s own; 128 + n when signal n ended it, or this program; 124 when its
time was up; 126 and 127 when it could not be started.

A first Ctrl-C, SIGTERM or SIGHUP ends the command and removes all; a second
one without any grace; a third ends at once, and says what is left.

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
    .description('Run a benchmark, and remove all that it leaves')
    .usage('[options] -- COMMAND [ARGUMENT…]')
    .argument('<command...>')
    .passThroughOptions()
    .addHelpText('after', EXAMPLES)
    .action(async (words: readonly string[], options) => {
      process.exitCode = await runHere(words, options, env);
    });
  command.addOption(
    new Option('--session <id>', 'the session’s id, such as the build’s; made up by default').helpGroup('The benchmark:'),
  );
  addSettings(command, { heading: 'The benchmark:', keys: ['workingDirectory', 'timeout', 'exitedTtl'] });
  addSettings(command, { heading: 'What is the benchmark’s:', keys: ['labels', 'namePrefixes', 'scope', 'resources'] });
  addSettings(command, {
    heading: 'When to clean:',
    keys: ['preCleanup', 'maxAge', 'maxContainers', 'maxSandboxes', 'postCleanup', 'delay', 'dryRun', 'failOnError'],
  });
  addSettings(command, REMOVAL);
  addSettings(command, PROVIDERS);
  addSettings(command, {
    heading: 'What is kept:',
    keys: ['logs', 'logsPath', 'logLimit', 'logsLimit', 'reportPath', 'metricsPath'],
  });
  addOutputOptions(command);
  refuseSecrets(command);
}
