import { type Command, CommanderError } from 'commander';
import { engines } from '../../package.json';
import { asError } from '../lib/errors';
import { FAULT_HINT, watchFaults } from '../lib/faults';
import { clipped, plainLine } from '../report/escape';
import { exitCodes, ProviderUnreachable, UsageError } from './exit';
import { commandLine } from './program';

/** Characters of one line: what was typed may be of any length. */
const MAX_LINE = 2_000;

/**
 * Runs the command line as this process's only work. Every error is printed as lines on stderr, without a stack trace.
 * @param argv as Node has it
 */
export async function start(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  // Deprecations of bundled libraries mean nothing to users.
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
}

/** A reader may close its end (`list | head -1`), and a terminal may go away. A result that can't be written otherwise is a failure. */
function handleOutputErrors(): void {
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || process.stdout.isTTY) return;
    process.stderr.write(`error: the output can’t be written: ${plainLine(error.message)}\n`);
    endWithFailure();
  });
}

/** By default commander ends the process itself, and uses exit code 1 for usage errors. */
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

/** A fault in this program that nothing caught. The work goes on as far as it can, but does not end with success. */
function onFault({ message }: Error): void {
  process.stderr.write(`error: ${plainLine(message)} (${FAULT_HINT})\n`);
  endWithFailure();
}

/** Whatever exit code the command sets later, it is not 0. */
function endWithFailure(): void {
  process.exitCode = exitCodes.left;
  process.once('exit', () => {
    process.exitCode ||= exitCodes.left;
  });
}

/** Says so in a line, where an old Node would fail with a stack trace. */
function isTooOld(version: string): boolean {
  const min = Number(/\d+/.exec(engines.node)?.[0]);
  if (Number.parseInt(version, 10) >= min) return false;
  process.stderr.write(`error: cleanup-action needs Node ${min} or newer; this is ${version} (${process.execPath})\n`);
  process.exitCode = exitCodes.usage;
  return true;
}
