import type { ContainerSource, ContainerStatus } from '../../core/container-source';
import type { Clock } from '../../lib/clock';
import { withTimeout } from '../../lib/deadline';
import { asError } from '../../lib/errors';
import type { Limit } from '../../lib/limit';
import { type KeepingPlace, type KeptLog, LogKeeper, noLog } from './log-keeper';

/** Milliseconds for one log: engines read some 50 MB of logs a second. */
export const MAX_READING_MS = 120_000;

/** Bytes of the shortest line: `2026-11-21T09:50:58Z`, a blank, a line feed. */
const MIN_LINE = 22;

/**
 * Lines to ask for first: only the end of a long log is kept, and an engine takes half a minute to
 * read a gigabyte.
 */
const FEW_LINES = 2_000;

export interface Reading {
  readonly source: ContainerSource;
  readonly place: KeepingPlace;
  /** Logs to read at a time. */
  readonly limit: Limit;
  readonly clock: Clock;
  /** Aborts when there is no time left. */
  readonly signal: AbortSignal;
}

type Ended = Pick<ContainerStatus, 'container' | 'logUnavailable'>;

export const GONE = noLog('gone', 'it was removed before its log could be read');
export const NO_TIME = noLog('out-of-time', 'there was no time left to read its log');

/** The maximum number of lines in a log's file. */
export function maxLines({ limit }: KeepingPlace): number {
  return Math.floor(limit / MIN_LINE) + 1;
}

/** Reads a container's log into its file. Never throws: a missing log has a reason. */
export async function readLog(status: Ended, reading: Reading): Promise<KeptLog> {
  if (status.logUnavailable !== undefined) return noLog('unavailable', status.logUnavailable);
  const { limit, signal, source } = reading;
  try {
    return await limit.run(signal, () => withTimeout(MAX_READING_MS, reading, (time) => copy(status, reading, time)));
  } catch (error) {
    return signal.aborted ? NO_TIME : whyNot(error, source);
  }
}

/**
 * Keeps a log that breaks off up to there, unless there is no time left.
 * @throws what the engine or the file system answers
 */
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
    // Enough if the other lines are as long as these.
    lines = Math.min(most, Math.max(2 * lines, Math.ceil((1.25 * lines * place.limit) / keeper.written)));
  }
}

/** Why a log can't be read. */
export function whyNot(thrown: unknown, source: ContainerSource): KeptLog {
  if (source.classify(thrown).kind === 'gone') return GONE;
  return noLog('unavailable', `its log can’t be read: ${asError(thrown).message.trim()}`);
}
