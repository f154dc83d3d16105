import { constants } from 'node:os';
import type { BenchmarkRemains, BenchmarkReport } from './model';

/** The facts that classify an end. */
export interface ExitCode {
  readonly exitCode: number | null;
  readonly oomKilled?: boolean;
  /** See `DeathReport`. */
  readonly asked?: boolean;
  readonly reason?: string;
  readonly livedMs?: number | null;
}

/** Classes of ends, few enough for the label of a metric. */
export const exitClasses = [
  'success',
  'error',
  'not_started',
  'out_of_memory',
  'killed',
  'crashed',
  'signal',
  'asked',
  'unknown',
] as const;
export type ExitClass = (typeof exitClasses)[number];

/**
 * Shells and engines add this to a signal's number.
 * https://www.gnu.org/software/bash/manual/html_node/Exit-Status.html
 */
const SIGNALLED = 128;

/** Names, because the numbers of signals differ between systems. */
const CRASHES: ReadonlySet<string> = new Set(['SIGILL', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGSEGV', 'SIGSYS', 'SIGTRAP']);

const SIGNAL_NAMES: ReadonlyMap<number, string> = new Map(
  // Where several names have one number, the first is the usual one.
  Object.entries(constants.signals)
    .toReversed()
    .map(([name, number]) => [number, name]),
);

/** The class of a container's end. */
export function exitClassOf({ exitCode, oomKilled = false, asked = false, reason, livedMs = null }: ExitCode): ExitClass {
  if (oomKilled) return 'out_of_memory';
  if (asked) return 'asked';
  const hasOnlyReason = reason !== undefined && (exitCode === null || exitCode === SIGNALLED);
  if (hasOnlyReason) return livedMs === null ? 'not_started' : 'error';
  if (exitCode === null) return 'unknown';
  if (exitCode === 0) return 'success';
  if (exitCode in NOT_STARTED) return 'not_started';
  const signal = signalOf(exitCode);
  if (signal === undefined) return 'error';
  if (signal === 'SIGKILL') return 'killed';
  return CRASHES.has(signal) ? 'crashed' : 'signal';
}

/** The meaning of an exit code; empty where only the program knows it. A provider's reason, which may be foreign text, comes first. */
export function exitMeaning({ exitCode, oomKilled = false, reason }: ExitCode): string {
  if (oomKilled) return 'out of memory';
  if (reason !== undefined) return reason;
  if (exitCode === null) return 'not known';
  const notStarted = NOT_STARTED[exitCode];
  if (notStarted !== undefined) return notStarted;
  const signal = signalOf(exitCode);
  return signal === undefined ? '' : `${SIGNAL_MEANINGS[signal] ?? 'ended'} (${signal})`;
}

/** Shells share 126 and 127. https://docs.docker.com/engine/containers/run/#exit-status */
const NOT_STARTED: Readonly<Record<number, string>> = {
  125: 'the engine could not start it',
  126: 'the command can’t be executed',
  127: 'the command was not found',
};

const SIGNAL_MEANINGS: Readonly<Record<string, string>> = {
  SIGHUP: 'hung up',
  SIGINT: 'interrupted',
  SIGQUIT: 'quit',
  SIGILL: 'illegal instruction',
  SIGABRT: 'aborted itself',
  SIGBUS: 'bus error',
  SIGFPE: 'arithmetic error',
  SIGKILL: 'killed, or out of memory',
  SIGSEGV: 'segmentation fault',
  SIGPIPE: 'broken pipe',
  SIGTERM: 'terminated',
};

function signalOf(exitCode: number): string | undefined {
  return SIGNAL_NAMES.get(exitCode - SIGNALLED);
}

/** Completes the sentence "The benchmark …". */
export function benchmarkEnd({
  exitCode,
  signal,
  timedOut,
  interruptedBy,
  remains,
}: Omit<BenchmarkReport, 'command' | 'durationMs'>): string {
  if (exitCode === null) return `was still running when this step was killed${remains ? `; ${REMAINS[remains]}` : ''}`;
  if (timedOut) return `was ended at its timeout (exit code ${exitCode})`;
  if (interruptedBy !== null) return `was interrupted by ${interruptedBy} (exit code ${exitCode})`;
  if (signal !== null) return `was ended by ${signal} (exit code ${exitCode})`;
  const meaning = exitMeaning({ exitCode });
  return `exited with code ${exitCode}${meaning === '' ? '' : `: ${meaning}`}`;
}

const REMAINS: Readonly<Record<BenchmarkRemains, string>> = {
  ended: 'it was ended when the job ended',
  gone: 'it had ended before the job did',
  alive: 'it could not be ended',
};
