import { systemClock } from './clock';

const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Milliseconds within which the same signal is the same wish: npx passes a Ctrl-C on that its child has had from the terminal already. */
const SAME_WISH_MS = 100;

export interface ShutdownSignalsOptions {
  /** Called with each wish to end, by its number from 1 on. */
  readonly onSignal: (number: number, signal: NodeJS.Signals) => void;
}

/**
 * The signals that wish this process to end, counted as people mean them. A terminal that closes sends SIGHUP up to three times (the
 * kernel, the shell, the kernel again when the shell has ended): it counts as a first wish only.
 */
export class ShutdownSignals {
  #first: NodeJS.Signals | undefined;
  #wishes = 0;
  #last: { readonly signal: NodeJS.Signals; readonly at: number } | undefined;
  readonly #stop = new AbortController();
  readonly #onWish: ShutdownSignalsOptions['onSignal'];

  constructor({ onSignal: onWish }: ShutdownSignalsOptions) {
    this.#onWish = onWish;
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

  /** From now on signals do what they do to any process. */
  dispose(): void {
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    const at = systemClock.now();
    const isSame = this.#last?.signal === signal && at - this.#last.at < SAME_WISH_MS;
    if (isSame || (signal === 'SIGHUP' && this.#wishes > 0)) return;
    this.#last = { signal, at };
    this.#wishes += 1;
    this.#first ??= signal;
    this.#stop.abort();
    this.#onWish(this.#wishes, signal);
  };
}
