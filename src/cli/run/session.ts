import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { settingKeys } from '../../config/settings';
import { bestEffort, type Log } from '../../phases/log';
import { type Session, sessionVariables, writeLabelFile } from '../../session/session';
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
