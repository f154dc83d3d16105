import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../config/config';
import { settingKeys } from '../../config/settings';
import { systemClock as clock } from '../../lib/clock';
import { thisProcess } from '../../lib/process-identity';
import { bestEffort, type Log } from '../../phases/log';
import { filtersOf } from '../../phases/selection';
import { Claims } from '../../session/claims';
import type { Leases } from '../../session/leases';
import { type Session, sessionVariables, withoutRunner, writeLabelFile } from '../../session/session';
import { UsageError } from '../exit';
import { isSecret, variableName } from '../options/setting-options';
import { makeRunDirectory, type RunDirectoryOptions } from './run-directory';

/** A session of `run`, with its directory and its command's environment. */
export interface RunSession {
  readonly session: Session;
  /** Only for this session. Default place of logs and report. */
  readonly directory: string;
  readonly environment: NodeJS.ProcessEnv;
}

/** Makes the session's directory and label file; does without them on a full disk. Never throws. */
export async function beginSession(
  session: Session,
  options: Omit<RunDirectoryOptions, 'sessionId'>,
  log: Log,
): Promise<RunSession> {
  const { env } = options;
  const made = await bestEffort(log, 'making the session’s directory', () =>
    makeRunDirectory({ ...options, sessionId: session.id }),
  );
  // Does not exist: later writes report that.
  const directory = made ?? join(tmpdir(), `cleanup-action-${randomUUID()}`);
  const file = await bestEffort(log, 'writing the label file', () => writeLabelFile(session, directory));
  const secrets = settingKeys.filter(isSecret).map((key) => [variableName(key), undefined]);
  return {
    session,
    directory,
    environment: {
      ...env,
      ...Object.fromEntries(secrets),
      ...sessionVariables(session, env, file),
    },
  };
}

/**
 * Claims the session for this process.
 * @param state see `stateDirectory`
 * @returns ends the claim
 * @throws {UsageError} when another process has the session
 */
export async function register(session: string, state: string | undefined, log: Log): Promise<() => Promise<void>> {
  if (state === undefined) return async () => undefined;
  const claims = new Claims(join(state, 'sessions'), clock);
  const taken = await bestEffort(log, 'claiming the session', () => claims.take(session));
  if (taken === undefined) return async () => undefined;
  if ('release' in taken) return taken.release;
  throw new UsageError(
    `--session: ${session} is in use by process ${taken.holder.process.pid}; two runs would remove each other’s resources`,
  );
}

/**
 * Announces the session before anything of it exists. Pre-cleanup adds the engines later.
 * @returns the session; without its runner if others can't know that it lives
 */
export async function announced(
  session: Session,
  { startedAt, config, leases }: { readonly startedAt: number; readonly config: Config; readonly leases: Leases },
  log: Log,
): Promise<Session> {
  const isAnnounced = await bestEffort(log, 'announcing this session to other runs and sweeps', async () => {
    await leases.take({ session: session.id, since: startedAt, engines: [], filters: filtersOf(config), keeper: thisProcess() });
    return true;
  });
  return isAnnounced ? session : withoutRunner(session);
}
