import type { Provider } from '../../../src/core/provider';
import { ownedBy, type Selector } from '../../../src/core/selector';
import { type Clock, systemClock } from '../../../src/lib/clock';
import { Deadline } from '../../../src/lib/deadline';
import { DaytonaClient } from '../../../src/providers/daytona/client';
import type { Credentials } from '../../../src/providers/daytona/credentials';
import { Curl } from '../../../src/providers/daytona/curl';
import { Sandboxes } from '../../../src/providers/daytona/sandboxes';
import { type SweepResult, sweep } from '../../../src/reaper/sweep';
import type { DaytonaServer } from './server';

export interface SandboxSweep {
  /** The server's good API key, unless a test has another. */
  readonly credentials?: Credentials;
  readonly selector?: Selector;
  readonly graceMs?: number;
  readonly deadlineMs?: number;
  /** Of each rung. */
  readonly rungMs?: number;
  readonly retries?: number;
  readonly concurrency?: number;
  readonly final?: boolean;
  /** As the provider reckons with: none, for tests that need not wait. */
  readonly listingLagMs?: number;
  /** Pauses between inspections: short ones, unless told otherwise. */
  readonly pollMs?: Provider['pollMs'];
  readonly retryDelayMs?: number;
  readonly clock?: Clock;
}

/** The session that tests own sandboxes with. */
export const SESSION = 'test-session';

export function client(server: DaytonaServer, credentials?: Credentials, clock: Clock = systemClock): DaytonaClient {
  return new DaytonaClient(server.url, credentials ?? { token: server.apiKey, from: 'the tests' }, clock);
}

/** The provider for a server, with looks as often as tests can wait for. */
export function sandboxes(
  server: DaytonaServer,
  { credentials, rungMs = 5_000, listingLagMs = 0, pollMs = { first: 10, max: 50 }, clock = systemClock }: SandboxSweep = {},
): Provider {
  const settings = { stopMs: rungMs, removeMs: rungMs };
  const curl = new Curl(server.url, credentials ?? { from: 'the tests' });
  return Object.assign(new Sandboxes(client(server, credentials, clock), curl, settings, clock), {
    pollMs,
    listingLagMs,
  });
}

/** Sweeps what belongs to `SESSION`, as post does. */
export async function sweepSandboxes(server: DaytonaServer, options: SandboxSweep = {}): Promise<SweepResult> {
  const {
    selector,
    graceMs = 5_000,
    deadlineMs = 20_000,
    retries = 3,
    retryDelayMs = 50,
    concurrency = 16,
    final = true,
    clock = systemClock,
  } = options;
  const deadline = new Deadline(clock, deadlineMs);
  try {
    return await sweep({
      provider: sandboxes(server, options),
      selector: selector ?? ownedBy(SESSION, { labels: [], namePrefixes: [] }),
      mode: { kind: 'remove' },
      policy: { graceMs, retry: { retries, delayMs: retryDelayMs, factor: 2 } },
      deadline,
      concurrency,
      failFast: false,
      final,
      clock,
    });
  } finally {
    deadline.dispose();
  }
}
