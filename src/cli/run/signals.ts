import { ShutdownSignals, signalExitCode } from '../../lib/shutdown-signals';
import { plainLine } from '../../report/escape';
import { count } from '../../report/words';
import type { Output } from '../terminal/output';
import type { ProgressCounter } from '../terminal/progress';

/** A signal came before the command was started. */
export class NotBegun extends Error {
  override readonly name = 'NotBegun';
}

/** Leftovers named in the last line. */
const MAX_NAMED = 10;

export interface RunSignalsOptions {
  readonly sessionId: string;
  /** Counts the teardown. */
  readonly counter: ProgressCounter;
  readonly output: Output;
  /** Called before the end at once. */
  readonly onExit: () => void;
}

/**
 * Gives signals their meaning for `run`: the first ends the command and starts the teardown, the
 * second skips grace, the third exits. Listens until the process ends, because a closing terminal
 * repeats its signal.
 */
export class RunSignals {
  readonly shutdown = new ShutdownSignals();
  readonly #begin = new AbortController();
  /** Aborts with `NotBegun` at a signal before the command's start. */
  readonly begin = this.#begin.signal;
  readonly #hurry = new AbortController();
  /** Aborts at the second signal. */
  readonly hurry = this.#hurry.signal;
  #hasBegun = false;

  constructor({ sessionId, counter, output, onExit }: RunSignalsOptions) {
    this.shutdown.listen((number, signal) => {
      // A running command listens by itself.
      if (!this.#hasBegun) this.#begin.abort(new NotBegun(`interrupted by ${signal}`));
      if (number === 1) output.warning(`${signal}: ending the command and cleaning up; a second signal skips the grace period`);
      if (number === 2) {
        output.warning(`${signal}: cleaning up without grace; a third signal exits at once, and may leave resources behind`);
        this.#hurry.abort();
      }
      if (number > 2) {
        for (const line of leftLines(sessionId, counter)) output.say(line);
        onExit();
        process.exit(signalExitCode(this.shutdown.signal ?? signal));
      }
    });
  }

  /** Call it when the command runs. */
  hasBegun(): void {
    this.#hasBegun = true;
  }
}

function leftLines(sessionId: string, { left, found }: ProgressCounter): readonly string[] {
  const names = left.slice(0, MAX_NAMED).map(({ kind, name }) => `${kind} ${name}`);
  const more = left.length > names.length ? [`and ${left.length - names.length} more`] : [];
  const what =
    found === 0
      ? 'Ended before the cleanup had listed anything: resources may be left.'
      : `${count(left.length, 'resource')} left: ${[...names, ...more].join(', ')}`;
  return [plainLine(what), `This removes them: cleanup-action sweep --session ${sessionId}`];
}
