import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgsStringToArgv } from 'string-argv';
import { makeDirectory } from '../lib/make-directory';

/** A program and its arguments, started without a shell of ours. */
export interface Command {
  readonly file: string;
  readonly arguments: readonly string[];
}

interface Shell {
  readonly template: string;
  readonly extension: string;
  /** Adds what the runner adds to the user's script. */
  readonly wrap?: (script: string) => string;
}

/**
 * As in the runner's `run:` steps, so that benchmarks move into the action unchanged.
 * https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell
 */
const SHELLS: Readonly<Record<string, Shell>> = {
  bash: { template: 'bash --noprofile --norc -eo pipefail {0}', extension: 'sh' },
  sh: { template: 'sh -e {0}', extension: 'sh' },
  python: { template: 'python {0}', extension: 'py' },
  pwsh: {
    template: 'pwsh -command ". \'{0}\'"',
    extension: 'ps1',
    wrap: (script) =>
      `$ErrorActionPreference = 'stop'\n${script}\nif ((Test-Path -LiteralPath variable:\\LASTEXITCODE)) { exit $LASTEXITCODE }`,
  },
};

/**
 * Writes the user's script into `directory`.
 * @param shell a name that the runner knows, or a template with `{0}`
 * @returns how to start it
 */
export async function shellCommand(shell: string, script: string, directory: string): Promise<Command> {
  const { template, extension, wrap } = SHELLS[shell] ?? { template: shell, extension: 'sh' };
  const path = join(directory, `benchmark.${extension}`);
  await makeDirectory(directory);
  await writeFile(path, `${wrap ? wrap(script) : script}\n`, { mode: 0o700 });
  const [file = '', ...words] = parseArgsStringToArgv(template).map((word) => word.replaceAll('{0}', () => path));
  return { file, arguments: words };
}
