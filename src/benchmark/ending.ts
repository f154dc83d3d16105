import type { Clock } from '../reaper/clock';
import { CLEAR_AWAY_MS, type Limits } from './offspring';
import { signalGroup } from './process-group';

export interface EndingOptions {
  /** Milliseconds until the benchmark is ended; undefined: it may take as long as it likes. */
  readonly timeoutMs: number | undefined;
  /** Milliseconds between SIGTERM and SIGKILL when it is ended. */
  readonly graceMs: number;
  readonly clock: Clock;
  /** Aborts when this process can't go on: the benchmark is ended as if the job were cancelled. */
  readonly signal: AbortSignal;
}

/**
 * The longest grace periods of a job that is cancelled, in milliseconds from the first signal: the benchmark's own, and that of all
 * it started. With the second in which what was killed is cleared away all is over after 5 s. The runner sends SIGTERM after
 * 7.5 s and kills after 10 s; 2 s of them are for what comes after the benchmark.
 */
const GRACE_WHEN_CANCELLED_MS = { benchmark: 3_000, all: 4_000 };

const NEVER = Number.POSITIVE_INFINITY;

const FORWARDED: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Ends the benchmark when this process is told to end, or when the time is up. It listens before there is a benchmark: a signal that
 * came while it was being started is passed on as soon as it runs.
 */
export class Ending {
  #timedOut = false;
  #interruptedBy: NodeJS.Signals | null = null;
  #group: number | undefined;
  /** What the benchmark was, or will be, told to end with. */
  #told: NodeJS.Signals | undefined;
  #cancelledAt = NEVER;
  /** When the second signal came: nothing gets any grace from then on. */
  #hurriedAt = NEVER;
  readonly #gaveUp = Promise.withResolvers<void>();
  readonly #options: EndingOptions;
  readonly #timers: (() => void)[] = [];

  constructor(options: EndingOptions) {
    this.#options = options;
    for (const signal of FORWARDED) process.on(signal, this.#onSignal);
    options.signal.addEventListener('abort', this.#onAbort);
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
    const killAt = () => Math.min(endedAt + graceMs, this.#cancelledAt + GRACE_WHEN_CANCELLED_MS.all, this.#hurriedAt);
    return { killAt, giveUpAt: () => killAt() + CLEAR_AWAY_MS };
  }

  dispose(): void {
    for (const signal of FORWARDED) process.off(signal, this.#onSignal);
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    this.#clearTimers();
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (this.#interruptedBy === null) {
      this.#interruptedBy = signal;
      this.#cancel(signal);
    } else {
      this.#hurriedAt = Math.min(this.#hurriedAt, this.#options.clock.now());
      this.#kill();
    }
  };

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
    const { graceMs } = this.#options;
    const isCancelled = this.#cancelledAt !== NEVER;
    this.#after(isCancelled ? Math.min(graceMs, GRACE_WHEN_CANCELLED_MS.benchmark) : graceMs, () => this.#kill());
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
