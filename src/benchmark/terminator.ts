import { onAbort } from '../lib/abort';
import type { Clock } from '../lib/clock';
import type { ShutdownSignals } from '../lib/shutdown-signals';
import { signalGroup } from './process-table';
import { CLEAR_AWAY_MS, type Limits } from './process-tree';

export interface TerminatorOptions {
  /** Milliseconds until the benchmark is ended; undefined: no limit. */
  readonly timeoutMs: number | undefined;
  /** Milliseconds between SIGTERM and SIGKILL when it is ended. */
  readonly graceMs: number;
  /**
   * Milliseconds from the first signal until all is over, despite `graceMs`; undefined: no limit.
   */
  readonly maxWhenCancelledMs: number | undefined;
  readonly clock: Clock;
  /** Signals to this process: the first ends the benchmark, the second kills it. */
  readonly signals: Pick<ShutdownSignals, 'listen'>;
  /** Aborts when this process can't go on: ends the benchmark as if the job were cancelled. */
  readonly signal: AbortSignal;
}

const NEVER = Number.POSITIVE_INFINITY;

/** Ends the benchmark at its timeout or at a signal, which may come before the benchmark runs. */
export class Terminator {
  #timedOut = false;
  #group: number | undefined;
  /** The signal that was, or will be, sent to the benchmark. */
  #sent: NodeJS.Signals | undefined;
  #cancelledAt = NEVER;
  /** The time of the second signal: no grace from then on. */
  #hurriedAt = NEVER;
  readonly #gaveUp = Promise.withResolvers<void>();
  /** Resolves when SIGKILL did not end the benchmark: then nothing will. Stop waiting for it. */
  readonly gaveUp = this.#gaveUp.promise;
  readonly #options: TerminatorOptions;
  #interruptedBy: NodeJS.Signals | null = null;
  readonly #forget: () => void;
  /** Milliseconds from the first signal to SIGKILL, for the benchmark and for its children. */
  readonly #graceWhenCancelledMs: { readonly benchmark: number; readonly all: number };
  readonly #timers: (() => void)[] = [];

  constructor(options: TerminatorOptions) {
    const { graceMs, maxWhenCancelledMs = NEVER } = options;
    const all = maxWhenCancelledMs - CLEAR_AWAY_MS;
    this.#options = options;
    this.#graceWhenCancelledMs = { benchmark: Math.min(graceMs, all - CLEAR_AWAY_MS), all };
    const forgetSignals = options.signals.listen((number, signal) => this.#onSignal(number, signal));
    const forgetAbort = onAbort(options.signal, () => this.#cancel('SIGTERM'));
    this.#forget = () => {
      forgetSignals();
      forgetAbort();
    };
  }

  /** Whether the benchmark was ended at its timeout. */
  get timedOut(): boolean {
    return this.#timedOut;
  }

  /** The signal that this process got. */
  get interruptedBy(): NodeJS.Signals | null {
    return this.#interruptedBy;
  }

  /** Call it when the benchmark runs. */
  watch(group: number): void {
    this.#group = group;
    const { timeoutMs } = this.#options;
    if (this.#hurriedAt !== NEVER) this.#kill();
    else if (this.#sent !== undefined) this.#end(this.#sent);
    else if (timeoutMs !== undefined) this.#after(timeoutMs, () => this.#onTimeout());
  }

  /**
   * Call it when the benchmark has ended: its group's number may come again.
   * @returns the limits for what it leaves behind
   */
  disarm(): Limits {
    this.#group = undefined;
    this.#clearTimers();
    const { graceMs, clock } = this.#options;
    const endedAt = clock.now();
    const killAt = () => Math.min(endedAt + graceMs, this.#cancelledAt + this.#graceWhenCancelledMs.all, this.#hurriedAt);
    return { killAt, giveUpAt: () => killAt() + CLEAR_AWAY_MS };
  }

  dispose(): void {
    this.#forget();
    this.#clearTimers();
  }

  #onSignal(number: number, signal: NodeJS.Signals): void {
    this.#interruptedBy ??= signal;
    if (number === 1) {
      this.#cancel(signal);
    } else {
      this.#hurriedAt = Math.min(this.#hurriedAt, this.#options.clock.now());
      this.#kill();
    }
  }

  #onTimeout(): void {
    if (this.#sent !== undefined) return; // It is being ended for another reason.
    this.#timedOut = true;
    this.#end('SIGTERM');
  }

  #cancel(signal: NodeJS.Signals): void {
    this.#cancelledAt = Math.min(this.#cancelledAt, this.#options.clock.now());
    this.#end(signal);
  }

  /** Plans a SIGKILL with each call; the earliest counts. */
  #end(signal: NodeJS.Signals): void {
    this.#sent = signal;
    if (this.#group === undefined) return;
    signalGroup(this.#group, signal);
    const isCancelled = this.#cancelledAt !== NEVER;
    this.#after(isCancelled ? this.#graceWhenCancelledMs.benchmark : this.#options.graceMs, () => this.#kill());
  }

  #kill(): void {
    if (this.#group === undefined) return;
    signalGroup(this.#group, 'SIGKILL');
    this.#after(CLEAR_AWAY_MS, () => this.#gaveUp.resolve());
  }

  #after(ms: number, action: () => void): void {
    this.#timers.push(this.#options.clock.after(ms, action));
  }

  #clearTimers(): void {
    for (const cancel of this.#timers.splice(0)) cancel();
  }
}
