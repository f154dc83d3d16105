import type { Config } from '../../config/config';
import type { Environment } from '../../config/types';
import { systemClock } from '../../lib/clock';
import type { LiveSessions } from '../host/live-sessions';
import { sessionsOfJob } from '../host/session-origin';
import type { FilterContext } from './filters';

/** What filters are about here and now. */
export function filterContext(config: Config, sessionId: string, live: LiveSessions, env: Environment): FilterContext {
  return {
    sessionId,
    live: [...live.ids(), ...sessionsOfJob(env)],
    owned: { labels: config.labels ?? [], namePrefixes: config.namePrefixes ?? [] },
    maxAgeMs: config.maxAge,
    now: systemClock.now(),
  };
}
