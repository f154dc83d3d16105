import { runnerOf } from '../../../src/core/labels';
import type { LivenessOfSessions, SessionState } from '../../../src/core/liveness';

/** What is known of sessions by the runner alone, but for those that a test says more of. */
export function livenessOf(sessionId: string, more: Readonly<Record<string, SessionState>> = {}): LivenessOfSessions {
  const runner = runnerOf(sessionId);
  return {
    of(session) {
      const isOver = runner !== undefined && runnerOf(session) === runner;
      return more[session] ?? (isOver ? { state: 'over', evidence: 'runner' } : { state: 'unknown' });
    },
  };
}

export const LIVE = { state: 'live', evidence: 'lease' } as const satisfies SessionState;
export const OF_THIS_JOB = { state: 'live', evidence: 'job' } as const satisfies SessionState;
