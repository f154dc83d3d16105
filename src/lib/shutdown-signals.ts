import { constants } from 'node:os';
import { type Clock, systemClock } from './clock';

const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Milliseconds. A signal repeated within this time counts once: npx repeats Ctrl-C. */
const SAME_SIGNAL_MS = 100;

/** Called with each signal that counts, and its number, from 1. */
export type SignalListener = (number: number, signal: NodeJS.Signals) => void;

/**
 * The signals that ask this process to end. A process has one of these, so that all its parts count
 * alike. SIGHUP counts only as the first signal: a closing terminal sends it up to three times (the
 * kernel, the shell, and the kernel again after the shell's end).
 */
export class ShutdownSignals {
  #first: NodeJS.Signals | undefined;
  #count = 0;
  #last: { readonly signal: NodeJS.Signals; readonly at: number } | undefined;
  readonly #stop = new AbortController();
  /** Aborts at the first signal. */
  readonly stop = this.#stop.signal;
  readonly #listeners: SignalListener[] = [];
  readonly #clock: Clock;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
  }

  /** The first signal that came. */
  get signal(): NodeJS.Signals | undefined {
    return this.#first;
  }

  /**
   * Calls `listener` with each signal, past ones included.
   * @returns stops listening
   */
  listen(listener: SignalListener): () => void {
    const signal = this.#first;
    for (let number = 1; signal !== undefined && number <= this.#count; number++) listener(number, signal);
    this.#listeners.push(listener);
    return () => void this.#listeners.splice(this.#listeners.indexOf(listener), 1);
  }

  /** Gives signals back their default effect. */
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
 * The exit code that a shell gives a process ended by a signal: 128 plus the signal's number.
 * https://www.gnu.org/software/bash/manual/html_node/Exit-Status.html
 */
export function signalExitCode(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
