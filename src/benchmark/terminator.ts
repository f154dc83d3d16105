import type { Clock } from '../lib/clock';
import type { ShutdownSignals } from '../lib/shutdown-signals';
import { signalGroup } from './process-table';
import { CLEAR_AWAY_MS, type Limits } from './process-tree';

export interface TerminatorOptions {
  /** Milliseconds until the benchmark is ended; undefined: it may take as long as it likes. */
  readonly timeoutMs: number | undefined;
  /** Milliseconds between SIGTERM and SIGKILL when it is ended. */
  readonly graceMs: number;
  /** Milliseconds from the first signal to this process in which all must be over, whatever `graceMs` says; undefined: there is no hurry. */
  readonly maxWhenCancelledMs: number | undefined;
  readonly clock: Clock;
  /** The signals to this process: a first one ends the benchmark, a second one kills it. */
  readonly signals: Pick<ShutdownSignals, 'listen'>;
  /** Aborts when this process can't go on: the benchmark is ended as if the job were cancelled. */
  readonly signal: AbortSignal;
}

const NEVER = Number.POSITIVE_INFINITY;

/**
 * Ends the benchmark when this process gets a signal to end, or when the time is up. A signal that came before the benchmark ran is
 * passed on as soon as it runs.
 */
export class Terminator {
  #timedOut = false;
  #group: number | undefined;
  /** What the benchmark was, or will be, told to end with. */
  #told: NodeJS.Signals | undefined;
  #cancelledAt = NEVER;
  /** When the second signal came: nothing gets any grace from then on. */
  #hurriedAt = NEVER;
  readonly #gaveUp = Promise.withResolvers<void>();
  readonly #options: TerminatorOptions;
  #interruptedBy: NodeJS.Signals | null = null;
  readonly #forget: () => void;
  /** Milliseconds from the first signal to SIGKILL: for the benchmark itself, and for all it started. What was killed takes a while to go. */
  readonly #graceWhenCancelledMs: { readonly benchmark: number; readonly all: number };
  readonly #timers: (() => void)[] = [];

  constructor(options: TerminatorOptions) {
    const { graceMs, maxWhenCancelledMs: mostWhenCancelledMs = NEVER } = options;
    const all = mostWhenCancelledMs - CLEAR_AWAY_MS;
    this.#options = options;
    this.#graceWhenCancelledMs = { benchmark: Math.min(graceMs, all - CLEAR_AWAY_MS), all };
    options.signal.addEventListener('abort', this.#onAbort);
    this.#forget = options.signals.listen((number, signal) => this.#onSignal(number, signal));
  }

  /** Whether the benchmark was ended because its time was up. */
  get timedOut(): boolean {
    return this.#timedOut;
  }

  /** The signal that this process got. */
  get interruptedBy(): NodeJS.Signals | null {
    return this.#interruptedBy;
  }

  /**
   * Resolves when SIGKILL did not end the benchmark: a `sudo` that this user may not signal, or a process that waits for a device.
   * Whoever waits for it must not wait any longer.
   */
  get gaveUp(): Promise<void> {
    return this.#gaveUp.promise;
  }

  /** From now on the benchmark runs. */
  watch(group: number): void {
    this.#group = group;
    const { timeoutMs } = this.#options;
    if (this.#hurriedAt !== NEVER) this.#kill();
    else if (this.#told !== undefined) this.#end(this.#told);
    else if (timeoutMs !== undefined) this.#after(timeoutMs, () => this.#onTimeout());
  }

  /**
   * The benchmark has ended: its time can't be up any more, and its group's number may soon be another's.
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
    this.#options.signal.removeEventListener('abort', this.#onAbort);
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

  readonly #onAbort = (): void => this.#cancel('SIGTERM');

  #onTimeout(): void {
    if (this.#told !== undefined) return; // It is being ended already, and not for its time.
    this.#timedOut = true;
    this.#end('SIGTERM');
  }

  #cancel(signal: NodeJS.Signals): void {
    this.#cancelledAt = Math.min(this.#cancelledAt, this.#options.clock.now());
    this.#end(signal);
  }

  /** Each call plans a SIGKILL, and the first that comes counts: whatever is told later, it does not take longer for it. */
  #end(signal: NodeJS.Signals): void {
    this.#told = signal;
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
