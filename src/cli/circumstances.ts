import type { Config } from '../config/config';
import type { Environment } from '../config/types';
import { systemClock } from '../reaper/clock';
import type { Circumstances } from './filters';
import type { LiveSessions } from './live-sessions';
import { sessionsOfJob } from './surroundings';

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
