import * as core from '@actions/core';
import { BadSettings, problemLine } from '../config/config';
import { asError } from '../lib/errors';
import { clipped, plainLine } from '../report/escape';

/** What ended a phase, and has been told: nothing is to be added. */
export class AlreadyReported extends Error {
  override readonly name = 'Told';

  constructor(cause: unknown) {
    super(asError(cause).message, { cause });
  }
}

/** Characters of one annotation. */
const MAX_MESSAGE = 1_000;

/** Fails the step: one annotation, never a stack trace (that is in the debug log). */
export function fail(thrown: unknown): void {
  const error = asError(thrown instanceof AlreadyReported ? thrown.cause : thrown);
  process.exitCode = 1;
  if (error instanceof BadSettings) {
    tellInputs(error.problems.map((problem) => plainLine(problemLine(problem))));
    return;
  }
  core.debug(error.stack ?? error.message);
  if (!(thrown instanceof AlreadyReported)) core.error(plainLine(error.message));
}

/** One annotation for all of them; several are a line each in the log besides. */
function tellInputs(problems: readonly string[]): void {
  const isOne = problems.length === 1;
  if (!isOne) for (const problem of problems) core.info(`Bad input: ${problem}`);
  const message = isOne ? problems.join() : `${problems.length} problems: ${problems.join('; ')}`;
  core.error(clipped(message, MAX_MESSAGE), { title: 'Bad input' });
}

/** The work of one entry. When the signal aborts, what must not go on by itself is ended; all else goes on. */
export type Phase = (stop: AbortSignal) => Promise<void>;

/**
 * Runs a phase as this process's only work. Whatever happens is told in one line, and the process ends with another code than 0:
 *
 * - what the phase throws;
 * - a fault of our own that nobody caught, in a timer or a forgotten promise: the phase goes on as far as it can;
 * - an end before the work is done: Node would end with 0 when nothing is left that could settle a promise.
 *
 * A log that nobody reads any more stops nothing.
 * @param mostAfterFaultMs milliseconds that the phase may take to its end after a fault, which may have cost it a promise
 */
export async function run(phase: Phase, mostAfterFaultMs: number): Promise<void> {
  const stop = new AbortController();
  let isFaulty = false;
  const onFault = (thrown: unknown) => {
    const error = asError(thrown);
    core.debug(error.stack ?? error.message);
    if (isFaulty) return; // Told once: a fault in a timer comes again and again.
    isFaulty = true;
    tellFault(error);
    setTimeout(() => process.exit(1), mostAfterFaultMs).unref();
    stop.abort(error);
  };
  const onEarlyEnd = () => onFault(new Error('the process ended before its work was done'));
  process.on('uncaughtException', onFault).on('unhandledRejection', onFault).once('beforeExit', onEarlyEnd);
  for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);
  try {
    await phase(stop.signal);
  } catch (error) {
    if (!isFaulty) fail(error);
    stop.abort(error); // What ran beside the part that failed.
  }
  process.off('beforeExit', onEarlyEnd);
  // The phase may have set a code of its own since, and what a fault left open would hold the process up.
  if (isFaulty) process.exit(1);
}

function tellFault({ message }: Error): void {
  core.error(plainLine(`${message} (a fault of cleanup-action itself: please report it; the debug log says where it is)`), {
    title: 'Fault',
  });
  process.exitCode = 1;
}
