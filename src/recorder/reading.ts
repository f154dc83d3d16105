import type { Clock } from '../reaper/clock';
import { asError } from '../reaper/errors';
import type { Limit } from '../reaper/limit';
import type { Life, Recordable } from '../reaper/recordable';
import { bounded } from './bounded';
import { type KeepingPlace, type KeptLog, LogKeeper, noLog } from './log-keeper';

/** Milliseconds that one log may take: engines read some 50 MB of their logs a second. */
const LONGEST_READING_MS = 120_000;

export interface Reading {
  readonly recordable: Recordable;
  readonly place: KeepingPlace;
  /** Logs that are read at a time. */
  readonly limit: Limit;
  readonly clock: Clock;
  /** Aborts when there is no time left. */
  readonly signal: AbortSignal;
}

export const GONE = 'it was removed before its log could be read';
export const NO_TIME = 'there was no time left to read its log';

/** Reads the log of a container that is there into its file. Never throws: what can't be had has a reason. */
export async function readLog(life: Life, reading: Reading): Promise<KeptLog> {
  if (life.unlogged !== undefined) return noLog(life.unlogged);
  const { limit, signal, recordable } = reading;
  try {
    return await limit.run(signal, () => bounded(LONGEST_READING_MS, reading, (time) => copy(life, reading, time)));
  } catch (error) {
    return noLog(signal.aborted ? NO_TIME : whyNot(error, recordable));
  }
}

/** @throws what the engine answers, or the file system; what breaks off in the middle is kept so far, unless there is no time left */
async function copy(life: Life, { recordable, place, signal }: Reading, time: AbortSignal): Promise<KeptLog> {
  const stream = await recordable.read(life.container, place.limit, time);
  const keeper = new LogKeeper(life.container, place);
  const broken = await keeper.take(stream, time);
  if (broken === undefined || !signal.aborted) return keeper.close();
  await keeper.discard();
  throw broken;
}

/** In the words of a report. */
export function whyNot(thrown: unknown, recordable: Recordable): string {
  if (recordable.classify(thrown).kind === 'gone') return GONE;
  return `its log can’t be read: ${asError(thrown).message.trim()}`;
}
