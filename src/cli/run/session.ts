import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Session, sessionVariables, writeLabelFile } from '../../session/session';

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
  const variables = sessionVariables(session, env, await writeLabelFile(session, directory));
  return { session, directory, environment: { ...env, ...variables } };
}
