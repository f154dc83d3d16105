import { type Clock, systemClock } from '../../../src/lib/clock';

/** A clock that runs `factor` times as fast as the machine's: minutes of waiting for a server pass in seconds. */
export function fastClock(factor: number): Clock {
  const startedAt = systemClock.now();
  return {
    now: () => startedAt + (systemClock.now() - startedAt) * factor,
    after: (ms, action) => systemClock.after(ms / factor, action),
    random: () => systemClock.random(),
  };
}
