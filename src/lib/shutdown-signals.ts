import { constants } from 'node:os';
import { type Clock, systemClock } from './clock';

const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Milliseconds within which the same signal counts once: npx passes on a Ctrl-C that its child has had from the terminal already. */
const SAME_SIGNAL_MS = 100;

/** Called with each signal that counts, by its number from 1 on. */
export type SignalListener = (number: number, signal: NodeJS.Signals) => void;

export interface ShutdownSignalsOptions {
  /** The first listener: see `listen`. */
  readonly onSignal?: SignalListener;
  readonly clock?: Clock;
}

/**
 * The signals that ask this process to end, counted as people mean them: one of these for a process, so that all of its parts count
 * the same. A terminal that closes sends SIGHUP up to three times (the kernel, the shell, the kernel again when the shell has ended): it
 * counts as a first signal only.
 */
export class ShutdownSignals {
  #first: NodeJS.Signals | undefined;
  #count = 0;
  #last: { readonly signal: NodeJS.Signals; readonly at: number } | undefined;
  readonly #stop = new AbortController();
  readonly #listeners: SignalListener[] = [];
  readonly #clock: Clock;

  constructor({ onSignal, clock = systemClock }: ShutdownSignalsOptions = {}) {
    this.#clock = clock;
    if (onSignal) this.#listeners.push(onSignal);
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
  }

  /** The first signal that came. */
  get signal(): NodeJS.Signals | undefined {
    return this.#first;
  }

  /** Aborts at the first one. */
  get stop(): AbortSignal {
    return this.#stop.signal;
  }

  /**
   * Calls `listener` with each signal, also with those that have come already.
   * @returns ends that
   */
  listen(listener: SignalListener): () => void {
    const signal = this.#first;
    for (let number = 1; signal !== undefined && number <= this.#count; number++) listener(number, signal);
    this.#listeners.push(listener);
    return () => void this.#listeners.splice(this.#listeners.indexOf(listener), 1);
  }

  /** From now on signals do what they do to any process. */
  dispose(): void {
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    const at = this.#clock.now();
    const isSame = this.#last?.signal === signal && at - this.#last.at < SAME_SIGNAL_MS;
    if (isSame || (signal === 'SIGHUP' && this.#count > 0)) return;
    this.#last = { signal, at };
    this.#count += 1;
    this.#first ??= signal;
    this.#stop.abort();
    for (const listener of [...this.#listeners]) listener(this.#count, signal);
  };
}

/**
 * The exit code that a shell gives to what a signal ended: 128 and the signal's number.
 * https://www.gnu.org/software/bash/manual/html_node/Exit-Status.html
 */
export function signalExitCode(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
