import { beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../../../src/lib/clock';
import { Progress } from '../../../../src/report/terminal/progress';

/** Time that a test moves, and the one timer that there may be. */
class HandClock implements Clock {
  #now = 0;
  #timer: { readonly at: number; readonly action: () => void } | undefined;

  now(): number {
    return this.#now;
  }

  after(ms: number, action: () => void): () => void {
    const timer = { at: this.#now + ms, action };
    this.#timer = timer;
    return () => {
      if (this.#timer === timer) this.#timer = undefined;
    };
  }

  random(): number {
    return 0;
  }

  get isIdle(): boolean {
    return this.#timer === undefined;
  }

  pass(ms: number): void {
    const until = this.#now + ms;
    for (let due = this.#timer; due !== undefined && due.at <= until; due = this.#timer) {
      this.#timer = undefined;
      this.#now = due.at;
      due.action();
    }
    this.#now = until;
  }
}

let clock: HandClock;
let written: string[];
beforeEach(() => {
  clock = new HandClock();
  written = [];
});

/** Its counter can be set. */
function progress(columns = 80) {
  const counter = { settled: 0, found: 0 };
  const shown = new Progress({ what: 'Cleaning up', write: (text) => written.push(text), columns, clock, counter });
  return { shown, counts: (settled: number, found: number) => Object.assign(counter, { settled, found }) };
}

describe('progress on a terminal', () => {
  it('is one line that is painted over, a few times a second', () => {
    const { counts } = progress();
    for (let settled = 0; settled < 100; settled += 1) counts(settled, 100);
    clock.pass(450);
    expect(written).toEqual(Array(2).fill('\r\u001b[2KCleaning up: 99 of 100 (99 %), 0ms'));
  });

  it('tells how long it takes, in whole seconds', () => {
    progress().counts(1, 100);
    clock.pass(65_000);
    expect(written.at(-1)).toBe('\r\u001b[2KCleaning up: 1 of 100 (1 %), 1m 5s');
  });

  it('is nothing while nothing is known', () => {
    progress();
    clock.pass(20_000);
    expect(written).toEqual([]);
  });

  it('is never as wide as the terminal', () => {
    progress(20).counts(1, 100);
    clock.pass(200);
    expect(written).toEqual(['\r\u001b[2KCleaning up: 1 of …']);
  });

  it('gives way to other output, and comes back', () => {
    const { shown, counts } = progress();
    counts(1, 2);
    shown.clear();
    clock.pass(200);
    expect(written).toEqual(['\r\u001b[2K', '\r\u001b[2KCleaning up: 1 of 2 (50 %), 0ms']);
  });

  it('is taken away at the end, and leaves no timer', () => {
    const { shown, counts } = progress();
    counts(1, 2);
    clock.pass(7_000);
    shown.end();
    expect([written.at(-1), clock.isIdle]).toEqual(['\r\u001b[2K', true]);
  });
});
