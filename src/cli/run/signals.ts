import { ShutdownSignals } from '../../lib/shutdown-signals';
import { plainLine } from '../../report/escape';
import { count } from '../../report/words';
import { exitCodeOf } from '../exit-codes';
import type { Output } from '../terminal/output';
import type { ProgressCounter } from '../terminal/progress-counter';

/** The benchmark was not to begin any more. */
export class NotBegun extends Error {
  override readonly name = 'NotBegun';
}

/** So many leftovers are named by name. */
const MAX_NAMED = 10;

export interface RunSignalsOptions {
  readonly sessionId: string;
  /** Of the teardown. */
  readonly tally: ProgressCounter;
  readonly output: Output;
}

/**
 * What signals mean to `run`: the first ends the benchmark, and all is removed; the second takes away all grace; the third ends this
 * process, whatever is left. It listens to the end of the process: a terminal that closes sends the same signal again.
 */
export class RunSignals {
  readonly #begin = new AbortController();
  readonly #hurry = new AbortController();
  readonly #interruption: ShutdownSignals;
  #hasBegun = false;

  constructor({ sessionId, tally, output }: RunSignalsOptions) {
    this.#interruption = new ShutdownSignals({
      onSignal: (number, signal) => {
        // A benchmark that runs listens for itself.
        if (!this.#hasBegun) this.#begin.abort(new NotBegun(`interrupted by ${signal}`));
        if (number === 1) output.warning(`${signal}: ending the benchmark, and removing what is its; once more: without grace`);
        if (number === 2) {
          output.warning(`${signal}: no more grace; once more: at once, with whatever is left`);
          this.#hurry.abort();
        }
        if (number > 2) {
          for (const line of leftLines(sessionId, tally)) output.say(line);
          process.exit(exitCodeOf(this.signal ?? signal));
        }
      },
    });
  }

  /** The first signal. */
  get signal(): NodeJS.Signals | undefined {
    return this.#interruption.signal;
  }

  get stop(): AbortSignal {
    return this.#interruption.stop;
  }

  /** Aborts with `NotBegun` when a signal comes before the benchmark does. */
  get begin(): AbortSignal {
    return this.#begin.signal;
  }

  /** Aborts at the second signal. */
  get hurry(): AbortSignal {
    return this.#hurry.signal;
  }

  hasBegun(): void {
    this.#hasBegun = true;
  }
}

function leftLines(sessionId: string, { left, found }: ProgressCounter): readonly string[] {
  const names = left.slice(0, MAX_NAMED).map(({ kind, name }) => `${kind} ${name}`);
  const more = left.length > names.length ? [`and ${left.length - names.length} more`] : [];
  const what =
    found === 0
      ? 'Nobody has looked yet what is left.'
      : `${count(left.length, 'resource')} left: ${[...names, ...more].join(', ')}`;
  return [plainLine(what), `What removes it: cleanup-action sweep --session ${sessionId}`];
}
