import type { ContainerEvent, ContainerSource } from '../core/container-source';
import { type Clock, sleep } from '../lib/clock';
import { asError } from '../lib/errors';
import { backoff } from '../reaper/retry';

/** Milliseconds in which a provider says that it listens. */
const OPENING_MS = 10_000;

/** Milliseconds until a stream that broke is opened again: first, and at most. */
const REOPENING = { retries: Number.POSITIVE_INFINITY, delayMs: 200, factor: 2 };
const MAX_WAIT_MS = 5_000;

export interface WatchOptions {
  readonly recordable: ContainerSource;
  readonly clock: Clock;
  /** The watch ends when it aborts. */
  readonly signal: AbortSignal;
  /** Called in order, once for each. */
  readonly onHappening: (happening: ContainerEvent) => void;
  /** Called whenever the provider listens (again): what was missed can be looked for. */
  readonly onListening: () => void;
  /** Called whenever the stream breaks, or can't be opened. */
  readonly onBroken: (error: Error) => void;
}

/**
 * Listens to a provider until the signal aborts. Where the stream breaks it is opened again, and goes on with the last event. Never
 * throws.
 * @param since milliseconds since the epoch, by the provider's clock
 */
export async function watch(since: number, options: WatchOptions): Promise<void> {
  const { clock, signal } = options;
  const heard = new Heard(since);
  for (let failures = 0; !signal.aborted; failures += 1) {
    try {
      await listen(heard, options, () => {
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

async function listen(heard: Heard, options: WatchOptions, onAnything: () => void): Promise<void> {
  const { recordable, clock, signal } = options;
  const stream = new AbortController();
  const end = () => stream.abort(signal.reason);
  signal.addEventListener('abort', end, { once: true });
  const cancel = clock.after(OPENING_MS, () => stream.abort(new Error('the provider does not tell its events')));
  try {
    const happenings = await recordable.watch(heard.last, stream.signal);
    cancel();
    options.onListening();
    for await (const happening of happenings) {
      onAnything();
      if (heard.isNew(happening)) options.onHappening(happening);
    }
  } finally {
    cancel();
    signal.removeEventListener('abort', end);
  }
}

/** How far the events were heard. */
class Heard {
  /** When the last one was. */
  last: number;
  /** Those at that very time, which come again. */
  readonly #atLast = new Set<string>();

  constructor(since: number) {
    this.last = since;
  }

  /** Events of one moment are kept apart by what happened to whom. An earlier one that comes late is new: there is no order among them. */
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
