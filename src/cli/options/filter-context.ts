import type { Config } from '../../config/config';
import type { Environment } from '../../config/types';
import { systemClock } from '../../lib/clock';
import type { LiveSessions } from '../host/live-sessions';
import { sessionsOfJob } from '../host/session-origin';
import type { Circumstances } from './filters';

/** What filters are about here and now. */
export function circumstancesOf(config: Config, sessionId: string, live: LiveSessions, env: Environment): Circumstances {
  return {
    sessionId,
    live: [...live.ids(), ...sessionsOfJob(env)],
    owned: { labels: config.labels ?? [], namePrefixes: config.namePrefixes ?? [] },
    maxAgeMs: config.maxAge,
    now: systemClock.now(),
  };
}
