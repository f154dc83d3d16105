import type { Config } from '../../config/config';
import type { Environment } from '../../config/types';
import { systemClock } from '../../lib/clock';
import { anySession, sessionsOfJob } from '../../session/job-sessions';
import type { LiveSessions } from '../host/live-sessions';
import type { FilterContext } from './filters';

/** What filters are about here and now. */
export function filterContext(config: Config, sessionId: string, live: LiveSessions, env: Environment): FilterContext {
  return {
    sessionId,
    live: anySession(live, sessionsOfJob(env, systemClock)),
    owned: { labels: config.labels ?? [], namePrefixes: config.namePrefixes ?? [] },
    maxAgeMs: config.maxAge,
    now: systemClock.now(),
  };
}
