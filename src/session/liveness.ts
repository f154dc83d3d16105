import { runnerOf } from '../core/labels';
import { decide, type LivenessOfSessions, type SessionState } from '../core/liveness';
import type { LiveSessionIds } from '../core/selector';
import type { Clock } from '../lib/clock';
import type { Environment } from '../lib/environment';
import { sessionsOfJob } from './job-sessions';
import type { Leases } from './leases';

/** Knows which sessions are live and which are over, from all the evidence there is. */
export class Liveness implements LivenessOfSessions {
  readonly #sessionId: string;
  readonly #ofJob: LiveSessionIds;
  readonly #leases: Leases;

  /** @param sessionId of this process */
  constructor(sessionId: string, leases: Leases, env: Environment, clock: Pick<Clock, 'now'>) {
    this.#sessionId = sessionId;
    this.#ofJob = sessionsOfJob(env, clock);
    this.#leases = leases;
  }

  /** Read anew: what holds now, and did when something of it was listed. */
  of(session: string): SessionState {
    const runner = runnerOf(this.#sessionId);
    return decide({
      isOfThisJob: session === this.#sessionId || this.#ofJob.has(session),
      lease: this.#leases.wordOf(session),
      ci: undefined,
      isOfThisRun: false,
      isOfThisRunner: runner !== undefined && runnerOf(session) === runner,
    });
  }
}
