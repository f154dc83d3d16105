/**
 * Has .github/ checked by the two programs that people check workflows with: actionlint, built with Go, and zizmor, from PyPI. What can't
 * be had is said and left out; with `--required`, it fails.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { cacheDirectory, cached, EngineUnavailable, runProgram } from '../test/support/engine/engine-cache';

const root = join(import.meta.dirname, '..');

interface Checker {
  /** With its version: the directory in the cache. */
  readonly name: string;
  /** In that directory. */
  readonly program: string;
  readonly arguments: readonly string[];
  install(directory: string): Promise<void>;
}

const CHECKERS: readonly Checker[] = [
  {
    name: 'actionlint-1.7.12',
    program: 'actionlint',
    arguments: ['-color'],
    install: (directory) =>
      runProgram('go', ['install', 'github.com/rhysd/actionlint/cmd/actionlint@v1.7.12'], { env: { GOBIN: directory } }),
  },
  {
    name: 'zizmor-1.32.0',
    program: 'bin/zizmor',
    arguments: ['--offline', '--no-progress', '--quiet', '.'],
    install: (directory) =>
      runProgram('python3', [
        '-m',
        'pip',
        'install',
        '--quiet',
        '--root-user-action',
        'ignore',
        '--no-deps',
        '--target',
        directory,
        'zizmor==1.32.0',
      ]),
  },
];

/** @returns whether it found nothing; undefined where it can't be had */
async function check({ name, program, arguments: args, install }: Checker): Promise<boolean | undefined> {
  try {
    await cached(name, install);
  } catch (error) {
    if (!(error instanceof EngineUnavailable)) throw error;
    console.warn(`${name}: skipped: ${error.message}`);
    return undefined;
  }
  const { status } = spawnSync(join(cacheDirectory(), name, program), args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  console.log(status === 0 ? `${name}: no findings` : `${name}: ended with exit code ${status}`);
  return status === 0;
}

const isRequired = process.argv.includes('--required');
for (const checker of CHECKERS) {
  const isGood = await check(checker);
  if (isGood === false || (isRequired && isGood === undefined)) process.exitCode = 1;
}
