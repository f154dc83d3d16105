import * as core from '@actions/core';
import { BadSettings, problemLine } from '../config/config';
import type { Clock } from '../lib/clock';
import { asError } from '../lib/errors';
import { exitSoon } from '../lib/exit';
import { FAULT_HINT, watchFaults } from '../lib/faults';
import { clipped, plainLine } from '../report/escape';

/** Ends a phase whose error has been reported. */
export class AlreadyReported extends Error {
  override readonly name = 'AlreadyReported';

  constructor(cause: unknown) {
    super(asError(cause).message, { cause });
  }
}

/** Characters of one annotation. */
const MAX_MESSAGE = 1_000;

/** Fails the step with one annotation. The stack trace goes to the debug log. */
function fail(thrown: unknown): void {
  const error = asError(thrown instanceof AlreadyReported ? thrown.cause : thrown);
  process.exitCode = 1;
  if (error instanceof BadSettings) {
    reportInputs(error.problems.map((problem) => plainLine(problemLine(problem))));
    return;
  }
  core.debug(error.stack ?? error.message);
  if (!(thrown instanceof AlreadyReported)) core.error(plainLine(error.message));
}

/** Writes one annotation for all problems, and a line for each if there are several. */
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
  /** Aborts after a fault of our own: ends the benchmark, and lets everything else go on. */
  readonly stop: AbortSignal;
}

/** The work of one entry. */
export type Phase = (context: PhaseContext) => Promise<void>;

/**
 * Runs a phase as this process's only work. Reports errors and faults of our own in one line, and
 * then ends with an exit code other than 0. After a fault, the phase goes on as far as it can.
 * @param maxAfterFaultMs milliseconds for that: the fault may have broken a promise
 */
export async function runPhase(phase: Phase, { env, clock }: Omit<PhaseContext, 'stop'>, maxAfterFaultMs: number): Promise<void> {
  const stop = new AbortController();
  let isFaulty = false;
  // Ignore a log that is closed.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);
  const finish = watchFaults((error) => {
    core.debug(error.stack ?? error.message);
    if (isFaulty) return; // A fault in a timer may repeat.
    isFaulty = true;
    reportFault(error);
    setTimeout(() => process.exit(1), maxAfterFaultMs).unref();
    stop.abort(error);
  });
  try {
    await phase({ env, clock, stop: stop.signal });
  } catch (error) {
    if (!isFaulty) fail(error);
    stop.abort(error); // Ends what still runs.
  }
  finish();
  // The phase may have changed the exit code, and the fault may have left handles open.
  if (isFaulty) process.exit(1);
  exitSoon();
}

function reportFault({ message }: Error): void {
  core.error(plainLine(`${message} (${FAULT_HINT}; the debug log says where it is)`), { title: 'Fault' });
  process.exitCode = 1;
}
