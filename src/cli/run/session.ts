import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { labelArgument, labelFile, type Session } from '../../session/session';
import { sessionsOfJob } from '../host/session-origin';

/** A session of `run`'s: its directory, and what the benchmark is told of it. */
export interface RunSession {
  readonly session: Session;
  /** Nobody else's; logs and the report go there unless they are to be elsewhere. */
  readonly directory: string;
  /** The benchmark's environment. */
  readonly environment: NodeJS.ProcessEnv;
}

export async function beginSession(session: Session, env: NodeJS.ProcessEnv): Promise<RunSession> {
  const directory = await mkdtemp(join(env['RUNNER_TEMP'] || tmpdir(), 'cleanup-action-'));
  const file = join(directory, 'labels');
  await writeFile(file, labelFile(session));
  const variables = {
    CLEANUP_SESSION_ID: session.id,
    CLEANUP_LABEL: labelArgument(session.id),
    CLEANUP_LABEL_FILE: file,
    CLEANUP_JOB_SESSIONS: [...sessionsOfJob(env), session.id].join(' '),
  };
  return { session, directory, environment: { ...env, ...variables } };
}
