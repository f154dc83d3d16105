import { afterEach, beforeEach, vi } from 'vitest';

/** Lets time pass in each test as soon as nothing else is to be done. */
export function useFakeTimers(): void {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.setTimerTickMode('nextTimerAsync');
  });
  afterEach(() => {
    vi.useRealTimers();
  });
}
