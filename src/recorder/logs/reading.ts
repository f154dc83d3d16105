import type { ContainerSource, ContainerStatus } from '../../core/container-source';
import type { Clock } from '../../lib/clock';
import { asError } from '../../lib/errors';
import type { Limit } from '../../lib/limit';
import { withTimeout } from '../../lib/with-timeout';
import { type KeepingPlace, type KeptLog, LogKeeper, noLog } from './log-keeper';

/** Milliseconds that one log may take: engines read some 50 MB of their logs a second. */
export const MAX_READING_MS = 120_000;

/** A line with its time is at least this long: `2026-11-21T09:50:58Z`, a blank, a line feed. So many can be wanted, and no more. */
const MIN_LINE = 22;

/**
 * Of a long log, only the end is wanted: so many of its last lines are asked for first, and more where they are not enough. An engine
 * would read a gigabyte for half a minute.
 */
const FEW_LINES = 2_000;

export interface Reading {
  readonly recordable: ContainerSource;
  readonly place: KeepingPlace;
  /** Logs that are read at a time. */
  readonly limit: Limit;
  readonly clock: Clock;
  /** Aborts when there is no time left. */
  readonly signal: AbortSignal;
}

/** What is known of a container whose log is read. */
type Ended = Pick<ContainerStatus, 'container' | 'logUnavailable'>;

export const GONE = 'it was removed before its log could be read';
export const NO_TIME = 'there was no time left to read its log';

/** Reads the log of a container that is there into its file. Never throws: what can't be had has a reason. */
export async function readLog(life: Ended, reading: Reading): Promise<KeptLog> {
  if (life.logUnavailable !== undefined) return noLog(life.logUnavailable);
  const { limit, signal, recordable } = reading;
  try {
    return await limit.run(signal, () => withTimeout(MAX_READING_MS, reading, (time) => copy(life, reading, time)));
  } catch (error) {
    return noLog(signal.aborted ? NO_TIME : whyNot(error, recordable));
  }
}

/** @throws what the engine answers, or the file system; what breaks off in the middle is kept so far, unless there is no time left */
async function copy(life: Ended, { recordable, place, signal }: Reading, time: AbortSignal): Promise<KeptLog> {
  const most = Math.floor(place.limit / MIN_LINE) + 1;
  for (let lines = Math.min(FEW_LINES, most); ; ) {
    const stream = await recordable.read(life.container, lines, time);
    const keeper = new LogKeeper(life.container, place);
    const broken = await keeper.take(stream, time);
    const isEnough = keeper.pieces < lines || keeper.written > place.limit || lines >= most;
    if (broken ? !signal.aborted : isEnough) return keeper.close();
    await keeper.discard();
    if (broken) throw broken;
    // As many as are enough if the others are as long as these.
    lines = Math.min(most, Math.max(2 * lines, Math.ceil((1.25 * lines * place.limit) / keeper.written)));
  }
}

/** In the words of a report. */
export function whyNot(thrown: unknown, recordable: ContainerSource): string {
  if (recordable.classify(thrown).kind === 'gone') return GONE;
  return `its log can’t be read: ${asError(thrown).message.trim()}`;
}
