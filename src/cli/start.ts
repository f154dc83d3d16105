import { type Command, CommanderError } from 'commander';
import { engines } from '../../package.json';
import { asError } from '../lib/errors';
import { clipped, plainLine } from '../report/escape';
import { exitCodes } from './exit-codes';
import { ProviderUnreachable, UsageError } from './options/usage-error';
import { commandLine } from './program';

/** Characters. What was typed may be of any length. */
const MAX_LINE = 2_000;

/**
 * Runs the command line as this process's only work. Whatever happens is told in a line on stderr, never with a stack trace.
 * @param argv as Node has it
 */
export async function start(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  endQuietly();
  if (isTooOld(process.versions.node)) return;
  process.on('uncaughtException', onFault).on('unhandledRejection', onFault).once('beforeExit', onEarlyEnd);
  try {
    const program = commandLine(env);
    for (const command of [program, ...program.commands]) tellAsWeDo(command);
    await program.parseAsync(argv);
  } catch (error) {
    fail(asError(error));
  }
  process.off('beforeExit', onEarlyEnd);
}

/** Node would end with 0 when nothing is left that could settle a promise. */
function onEarlyEnd(): void {
  onFault(new Error('the process ended before its work was done'));
}

/** `list | head -1`: who does not read on has what they want. */
function endQuietly(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}

/** Commander would end the process itself, and with 1 where a usage is wrong. */
function tellAsWeDo(command: Command): void {
  command.exitOverride().configureOutput({ outputError: (text, write) => write(clipped(text, MAX_LINE)) });
  command.showHelpAfterError(
    `(${command.parent ? `cleanup-action ${command.name()}` : 'cleanup-action'} --help shows what there is)`,
  );
}

function fail(error: Error): void {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    return; // It has told already.
  }
  process.exitCode = codeOf(error);
  for (const line of error.message.split('\n')) process.stderr.write(`error: ${plainLine(clipped(line, MAX_LINE))}\n`);
}

function codeOf(error: Error): number {
  if (error instanceof UsageError) return exitCodes.usage;
  return error instanceof ProviderUnreachable ? exitCodes.unreachable : exitCodes.left;
}

/** A fault of our own that nobody caught: the work goes on as far as it can, and what it comes to is not success. */
function onFault(thrown: unknown): void {
  const { message } = asError(thrown);
  process.stderr.write(`error: ${plainLine(message)} (a fault of cleanup-action itself: please report it)\n`);
  process.exitCode = exitCodes.left;
  process.once('exit', () => {
    process.exitCode ||= exitCodes.left;
  });
}

/** In a line, where an old Node would fail at something that it does not know. */
function isTooOld(version: string): boolean {
  const least = Number(/\d+/.exec(engines.node)?.[0]);
  if (Number.parseInt(version, 10) >= least) return false;
  process.stderr.write(`error: cleanup-action needs Node ${least} or newer; this is ${version} (${process.execPath})\n`);
  process.exitCode = exitCodes.usage;
  return true;
}
