import { script } from '@bomb.sh/tab';
import { Argument, type Command } from 'commander';
import { BASH } from './bash';
import { candidates } from './candidates';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

const EXAMPLES = `
Examples:
  source <(cleanup-action completion bash)     for this shell; in ~/.bashrc for all
  source <(cleanup-action completion zsh)      for this shell; in ~/.zshrc for all
  cleanup-action completion fish > ~/.config/fish/completions/cleanup-action.fish
`;

/** Shells' scripts call this command with the words up to the cursor. */
const COMPLETE = 'complete';

/**
 * Adds `completion` and the hidden command that its scripts call. Those for zsh and fish are from
 * `@bomb.sh/tab`, whose script for bash needs bash-completion, evaluates typed text, can't be
 * sourced twice, and never offers files.
 */
export function addCompletionCommands(program: Command): void {
  program
    .command('completion')
    .description('Print a script that lets a shell complete commands and options')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .addHelpText('after', EXAMPLES)
    .action((shell: (typeof SHELLS)[number]) => {
      if (shell === 'bash') process.stdout.write(BASH);
      else script(shell, program.name(), program.name());
    });
  program
    .command(COMPLETE, { hidden: true })
    .argument('[words...]')
    .action((words: readonly string[]) => {
      const { values, files } = candidates(program, words);
      for (const { value, description } of values) process.stdout.write(`${value}\t${description}\n`);
      process.stdout.write(`:${files ? FILES : NO_FILES}\n`);
    });
}

/**
 * Cobra's protocol is a set of bits: 4 means "no files".
 * https://github.com/spf13/cobra/blob/main/site/content/completions/_index.md
 */
const NO_FILES = 4;
const FILES = 0;
