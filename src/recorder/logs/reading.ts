import type { ContainerSource, ContainerStatus } from '../../core/container-source';
import type { Clock } from '../../lib/clock';
import { withTimeout } from '../../lib/deadline';
import { asError } from '../../lib/errors';
import type { Limit } from '../../lib/limit';
import { type KeepingPlace, type KeptLog, LogKeeper, noLog } from './log-keeper';

/** Milliseconds that one log may take: engines read some 50 MB of their logs a second. */
export const MAX_READING_MS = 120_000;

/** A line with its time is at least this long: `2026-11-21T09:50:58Z`, a blank, a line feed. */
const MIN_LINE = 22;

/**
 * Only the end of a long log is kept: this number of its last lines is asked for first, and more where they are not enough. An engine
 * would take half a minute to read a gigabyte.
 */
const FEW_LINES = 2_000;

export interface Reading {
  readonly source: ContainerSource;
  readonly place: KeepingPlace;
  /** Logs that are read at a time. */
  readonly limit: Limit;
  readonly clock: Clock;
  /** Aborts when there is no time left. */
  readonly signal: AbortSignal;
}

/** What is known of a container whose log is read. */
type Ended = Pick<ContainerStatus, 'container' | 'logUnavailable'>;

export const GONE = noLog('gone', 'it was removed before its log could be read');
export const NO_TIME = noLog('out-of-time', 'there was no time left to read its log');

/** The number of lines that can have a place in a log's file. */
export function maxLines({ limit }: KeepingPlace): number {
  return Math.floor(limit / MIN_LINE) + 1;
}

/** Reads the log of a container that is there into its file. Never throws: a log that can't be had has a reason. */
export async function readLog(status: Ended, reading: Reading): Promise<KeptLog> {
  if (status.logUnavailable !== undefined) return noLog('unavailable', status.logUnavailable);
  const { limit, signal, source } = reading;
  try {
    return await limit.run(signal, () => withTimeout(MAX_READING_MS, reading, (time) => copy(status, reading, time)));
  } catch (error) {
    return signal.aborted ? NO_TIME : whyNot(error, source);
  }
}

/** @throws what the engine answers, or the file system; a log that breaks off is kept so far, unless there is no time left */
async function copy(status: Ended, { source, place, signal }: Reading, time: AbortSignal): Promise<KeptLog> {
  const most = maxLines(place);
  for (let lines = Math.min(FEW_LINES, most); ; ) {
    const stream = await source.read(status.container, lines, time);
    const keeper = new LogKeeper(status.container, place);
    const broken = await keeper.take(stream, time);
    const isEnough = keeper.chunks < lines || keeper.written > place.limit || lines >= most;
    if (broken ? !signal.aborted : isEnough) return keeper.close();
    await keeper.discard();
    if (broken) throw broken;
    // The number that is enough if the others are as long as these.
    lines = Math.min(most, Math.max(2 * lines, Math.ceil((1.25 * lines * place.limit) / keeper.written)));
  }
}

/** Why a log can't be had. */
export function whyNot(thrown: unknown, source: ContainerSource): KeptLog {
  if (source.classify(thrown).kind === 'gone') return GONE;
  return noLog('unavailable', `its log can’t be read: ${asError(thrown).message.trim()}`);
}
