import { statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LiveSessionIds } from '../core/selector';
import type { Clock } from '../lib/clock';
import type { Environment } from '../lib/environment';

/** What may be the name of a session's file or directory. A label's value is foreign text: it must not lead anywhere else. */
export const SESSION_FILE_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/;

/**
 * Milliseconds. A job on a self-hosted runner ends after five days: a directory that is older was left where nothing empties RUNNER_TEMP.
 * https://docs.github.com/actions/reference/limits
 */
export const MAX_JOB_MS = 5 * 24 * 60 * 60 * 1000;

/** Where the action has its files; the runner empties RUNNER_TEMP for each job. */
function actionDirectory(env: Environment): string {
  return join(env['RUNNER_TEMP'] || tmpdir(), 'cleanup-action');
}

/** A directory of this session's own. */
export function sessionDirectory(env: Environment, sessionId: string): string {
  return join(actionDirectory(env), sessionId);
}

/** The sessions that earlier steps, or a hook of the runner, have announced. They end with the job. */
export function announcedSessions(env: Environment): readonly string[] {
  return (env['CLEANUP_JOB_SESSIONS'] ?? '').split(' ').filter((id) => id !== '');
}

/**
 * All sessions of this job: those that were announced, and those with a directory in RUNNER_TEMP. A step that runs in parallel
 * announces its session to others only when they wait for it.
 * https://github.com/actions/runner/blob/main/src/Runner.Worker/BackgroundStepCoordinator.cs
 */
export function sessionsOfJob(env: Environment, clock: Pick<Clock, 'now'>): LiveSessionIds {
  const announced = new Set(announcedSessions(env));
  return {
    has(id) {
      if (announced.has(id)) return true;
      if (!env['RUNNER_TEMP'] || !SESSION_FILE_NAME.test(id)) return false;
      const changedAt = changeOf(sessionDirectory(env, id));
      return changedAt !== undefined && clock.now() - changedAt < MAX_JOB_MS;
    },
  };
}

/** When a directory was changed last, in milliseconds since the epoch; undefined where there is none. */
function changeOf(directory: string): number | undefined {
  try {
    const found = statSync(directory);
    return found.isDirectory() ? found.mtimeMs : undefined;
  } catch {
    return undefined;
  }
}
