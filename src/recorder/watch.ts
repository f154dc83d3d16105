import type { ContainerEvent, ContainerSource } from '../core/container-source';
import { onAbort } from '../lib/abort';
import { type Clock, sleep } from '../lib/clock';
import { asError } from '../lib/errors';
import { backoff } from '../reaper/retry';

/** Milliseconds in which a provider must begin to listen. */
const OPENING_MS = 30_000;

/** Milliseconds until a broken stream is opened again: at first, and at most. */
const REOPENING = { retries: Number.POSITIVE_INFINITY, delayMs: 200, factor: 2 };
const MAX_WAIT_MS = 5_000;

export interface WatchOptions {
  readonly source: Pick<ContainerSource, 'watch'>;
  readonly clock: Clock;
  /** The watch ends when it aborts. */
  readonly signal: AbortSignal;
  /** Called in order, once for each. */
  readonly onEvent: (event: ContainerEvent) => void;
  /** Called whenever the provider listens (again): a listing now shows missed changes. */
  readonly onListening: () => void;
  /** Called whenever the stream breaks, or can't be opened. */
  readonly onBroken: (error: Error) => void;
}

/**
 * Watches a provider's events until the signal aborts. Opens a broken stream again, from the last
 * event on. Never throws.
 * @param since milliseconds since the epoch, by the provider's clock
 */
export async function watch(since: number, options: WatchOptions): Promise<void> {
  const { clock, signal } = options;
  const position = new Position(since);
  for (let failures = 0; !signal.aborted; failures += 1) {
    try {
      await listen(position, options, () => {
        failures = 0;
      });
      if (!signal.aborted) options.onBroken(new Error('the provider ended the stream of its events'));
    } catch (error) {
      if (!signal.aborted) {
        options.onBroken(new Error(`the stream of events broke: ${asError(error).message}`, { cause: error }));
      }
    }
    await sleep(clock, Math.min(MAX_WAIT_MS, backoff(REOPENING, failures, clock)), signal).catch(() => undefined);
  }
}

async function listen(position: Position, options: WatchOptions, onAnything: () => void): Promise<void> {
  const { source, clock, signal } = options;
  const stream = new AbortController();
  const forget = onAbort(signal, () => stream.abort(signal.reason));
  const cancel = clock.after(OPENING_MS, () => stream.abort(new Error('the provider does not tell its events')));
  try {
    const events = await source.watch(position.last, stream.signal);
    cancel();
    options.onListening();
    for await (const event of events) {
      onAnything();
      if (position.isNew(event)) options.onEvent(event);
    }
  } finally {
    cancel();
    forget();
    stream.abort(new Error('it is over')); // What was opened in part would stay open.
  }
}

/** How far the events have come. */
class Position {
  /** The time of the latest event. */
  last: number;
  /** The events of that very millisecond: they come again. */
  readonly #atLast = new Set<string>();

  constructor(since: number) {
    this.last = since;
  }

  /** An earlier event that comes late is new. Events of one moment differ in kind or container. */
  isNew({ kind, at, container }: ContainerEvent): boolean {
    const moment = Math.floor(at);
    if (moment > Math.floor(this.last)) this.#atLast.clear();
    this.last = Math.max(this.last, at);
    const event = `${at} ${kind} ${container.id}`;
    if (this.#atLast.has(event)) return false;
    if (moment === Math.floor(this.last)) this.#atLast.add(event);
    return true;
  }
}
