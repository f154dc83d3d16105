import { type Command, CommanderError } from 'commander';
import { engines } from '../../package.json';
import { asError } from '../lib/errors';
import { exitSoon } from '../lib/exit';
import { FAULT_HINT, watchFaults } from '../lib/faults';
import { clipped, plainLine } from '../report/escape';
import { exitCodes, ProviderUnreachable, UsageError } from './exit';
import { commandLine } from './program';

/** Characters of one line: typed text may be of any length. */
const MAX_LINE = 2_000;

/** Runs the command line as this process's only work. Prints errors as lines on stderr. */
export async function start(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  // Deprecations of bundled libraries do not concern users.
  process.noDeprecation = true;
  handleOutputErrors();
  if (isTooOld(process.versions.node)) return;
  const finish = watchFaults(onFault);
  try {
    const program = commandLine(env, process.stdout.columns);
    for (const command of [program, ...program.commands]) keepFromExiting(command);
    await program.parseAsync(argv);
  } catch (error) {
    fail(asError(error));
  }
  finish();
  exitSoon();
}

/** Ignores a closed pipe (`list | head -1`) and a closed terminal, but not other failed writes. */
function handleOutputErrors(): void {
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || process.stdout.isTTY) return;
    process.stderr.write(`error: the output can’t be written: ${plainLine(error.message)}\n`);
    endWithFailure();
  });
}

/** By default, commander exits by itself, with 1 for usage errors. */
function keepFromExiting(command: Command): void {
  command.exitOverride().configureOutput({ outputError: (text, write) => write(clipped(text, MAX_LINE)) });
  command.showHelpAfterError(`(run ${command.parent ? `cleanup-action ${command.name()}` : 'cleanup-action'} --help for help)`);
}

function fail(error: Error): void {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    return; // Commander has printed it.
  }
  process.exitCode = codeOf(error);
  for (const line of error.message.split('\n')) process.stderr.write(`error: ${plainLine(clipped(line, MAX_LINE))}\n`);
}

function codeOf(error: Error): number {
  if (error instanceof UsageError) return exitCodes.usage;
  return error instanceof ProviderUnreachable ? exitCodes.unreachable : exitCodes.left;
}

/** Reports a fault in this program. Work goes on, but does not end with success. */
function onFault({ message }: Error): void {
  process.stderr.write(`error: ${plainLine(message)} (${FAULT_HINT})\n`);
  endWithFailure();
}

/** Prevents exit code 0, whatever the command sets later. */
function endWithFailure(): void {
  process.exitCode = exitCodes.left;
  process.once('exit', () => {
    process.exitCode ||= exitCodes.left;
  });
}

/** An old Node would fail with a stack trace. */
function isTooOld(version: string): boolean {
  const min = Number(/\d+/.exec(engines.node)?.[0]);
  if (Number.parseInt(version, 10) >= min) return false;
  process.stderr.write(`error: cleanup-action needs Node ${min} or newer; this is ${version} (${process.execPath})\n`);
  process.exitCode = exitCodes.usage;
  return true;
}
