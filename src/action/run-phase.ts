import * as core from '@actions/core';
import { BadSettings, problemLine } from '../config/config';
import type { Clock } from '../lib/clock';
import { asError } from '../lib/errors';
import { FAULT_HINT, watchFaults } from '../lib/faults';
import { clipped, plainLine } from '../report/escape';

/** Ends a phase whose error has been reported: nothing is to be added. */
export class AlreadyReported extends Error {
  override readonly name = 'AlreadyReported';

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
    reportInputs(error.problems.map((problem) => plainLine(problemLine(problem))));
    return;
  }
  core.debug(error.stack ?? error.message);
  if (!(thrown instanceof AlreadyReported)) core.error(plainLine(error.message));
}

/** Writes one annotation for all problems; several also get a line each in the log. */
function reportInputs(problems: readonly string[]): void {
  const isOne = problems.length === 1;
  if (!isOne) for (const problem of problems) core.info(`Bad input: ${problem}`);
  const message = isOne ? problems.join() : `${problems.length} problems: ${problems.join('; ')}`;
  core.error(clipped(message, MAX_MESSAGE), { title: 'Bad input' });
}

/** What an entry hands to its phase. */
export interface PhaseContext {
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  /** Aborts when what must not go on by itself is to be ended; all else goes on. */
  readonly stop: AbortSignal;
}

/** The work of one entry. */
export type Phase = (context: PhaseContext) => Promise<void>;

/**
 * Runs a phase as this process's only work. Whatever happens is logged in one line, and the process ends with another code than 0:
 * what the phase throws, and faults of our own, after which the phase goes on as far as it can.
 * @param maxAfterFaultMs milliseconds that the phase may take to its end after a fault, which may have cost it a promise
 */
export async function run(phase: Phase, { env, clock }: Omit<PhaseContext, 'stop'>, maxAfterFaultMs: number): Promise<void> {
  const stop = new AbortController();
  let isFaulty = false;
  // A log that nothing reads any more stops nothing.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);
  const finish = watchFaults((error) => {
    core.debug(error.stack ?? error.message);
    if (isFaulty) return; // Logged once: a fault in a timer comes again and again.
    isFaulty = true;
    reportFault(error);
    setTimeout(() => process.exit(1), maxAfterFaultMs).unref();
    stop.abort(error);
  });
  try {
    await phase({ env, clock, stop: stop.signal });
  } catch (error) {
    if (!isFaulty) fail(error);
    stop.abort(error); // Ends what ran beside the part that failed.
  }
  finish();
  // The phase may have set another code since, and what a fault left open would hold the process up.
  if (isFaulty) process.exit(1);
}

function reportFault({ message }: Error): void {
  core.error(plainLine(`${message} (${FAULT_HINT}; the debug log says where it is)`), { title: 'Fault' });
  process.exitCode = 1;
}
