import { statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LiveSessionIds } from '../core/selector';
import type { Clock } from '../lib/clock';
import type { Environment } from '../lib/environment';

/** Ids that name files and directories, and stand in labels and in words of a shell. Labels are foreign text: keep to this place. */
export const SESSION_FILE_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/;

/**
 * Milliseconds. A job on a self-hosted runner ends within five days: an older directory is left
 * over in a RUNNER_TEMP that nothing empties. https://docs.github.com/actions/reference/limits
 */
export const MAX_JOB_MS = 5 * 24 * 60 * 60 * 1000;

/** The action's files. The runner empties RUNNER_TEMP for each job. */
function actionDirectory(env: Environment): string {
  return join(env['RUNNER_TEMP'] || tmpdir(), 'cleanup-action');
}

/** This session's own directory. */
export function sessionDirectory(env: Environment, sessionId: string): string {
  return join(actionDirectory(env), sessionId);
}

/** Sessions announced by earlier steps, or a hook of the runner. They end with the job. */
export function announcedSessions(env: Environment): readonly string[] {
  return (env['CLEANUP_JOB_SESSIONS'] ?? '').split(' ').filter((id) => id !== '');
}

/**
 * All sessions of this job: announced ones, and those with a directory in RUNNER_TEMP, because a
 * parallel step's variables reach others only when they wait for it.
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

/** The time of a directory's last change, in milliseconds since the epoch; undefined without it. */
function changeOf(directory: string): number | undefined {
  try {
    const found = statSync(directory);
    return found.isDirectory() ? found.mtimeMs : undefined;
  } catch {
    return undefined;
  }
}
