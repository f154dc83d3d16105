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

const progress = (live: boolean, columns = 80) =>
  new Progress({ what: 'Cleaning up', write: (text) => written.push(text), live, columns, clock });

describe('progress in a log', () => {
  it('is a line each tenth', () => {
    const shown = progress(false);
    for (let settled = 0; settled <= 100; settled += 1) shown.update(settled, 100);
    expect(written).toHaveLength(10);
    expect(written[0]).toBe('Cleaning up: 10 of 100 (10 %), 0ms\n');
  });

  it('is a line each five seconds when it goes slowly', () => {
    const shown = progress(false);
    shown.update(1, 100);
    clock.pass(12_000);
    expect(written).toEqual(['Cleaning up: 1 of 100 (1 %), 5s\n', 'Cleaning up: 1 of 100 (1 %), 10s\n']);
  });

  it('counts the five seconds from the last line', () => {
    const shown = progress(false);
    clock.pass(4_000);
    shown.update(10, 100);
    clock.pass(4_999);
    expect(written).toHaveLength(1);
  });

  it('does not repeat a tenth because more appeared', () => {
    const shown = progress(false);
    shown.update(5, 10);
    shown.update(5, 20);
    shown.update(10, 20);
    expect(written).toHaveLength(1);
  });

  it('is nothing while nothing is known', () => {
    progress(false);
    clock.pass(20_000);
    expect(written).toEqual([]);
  });
});

describe('progress on a terminal', () => {
  it('is one line that is painted over, a few times a second', () => {
    const shown = progress(true);
    for (let settled = 0; settled < 100; settled += 1) shown.update(settled, 100);
    clock.pass(450);
    expect(written).toEqual(Array(2).fill('\r\u001b[2KCleaning up: 99 of 100 (99 %), 0ms'));
  });

  it('is never as wide as the terminal', () => {
    progress(true, 20).update(1, 100);
    clock.pass(200);
    expect(written).toEqual(['\r\u001b[2KCleaning up: 1 of …']);
  });

  it('is taken away at the end', () => {
    progress(true).end();
    expect(written).toEqual(['\r\u001b[2K']);
  });
});

describe.each([true, false])('the end of progress (live: %s)', (live) => {
  it('leaves no timer', () => {
    const shown = progress(live);
    shown.update(1, 2);
    clock.pass(7_000);
    shown.end();
    expect(clock.isIdle).toBe(true);
  });
});
