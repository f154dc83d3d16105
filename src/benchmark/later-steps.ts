import type { Environment } from '../lib/environment';
import type { IsMarked } from './process-table';
import { ProcessTree } from './process-tree';

/** Everything that a job's later steps start has this variable, with the session's id. */
const SESSION_VARIABLE = 'CLEANUP_SESSION_ID';

/**
 * The runner ends what still has its value of this variable, after all posts. Workflows set it to
 * something else for what is to live on.
 * https://github.com/actions/runner/blob/main/src/Runner.Worker/JobExtension.cs
 */
const JOB_VARIABLE = 'RUNNER_TRACKING_ID';

export interface LaterSteps {
  readonly ending: ProcessTree;
  /** Marked with the session, but taken out of the job. */
  readonly outliving: ProcessTree;
}

/**
 * The processes that later steps of a session's job started.
 * @param env of a step of that job
 */
export function laterSteps(sessionId: string, env: Environment): LaterSteps {
  const job = env[JOB_VARIABLE];
  const isOfSession: IsMarked = (environment) => environment.includes(`${SESSION_VARIABLE}=${sessionId}`);
  const isOfJob: IsMarked = (environment) => !job || environment.includes(`${JOB_VARIABLE}=${job}`);
  return {
    ending: ProcessTree.ofJob((environment) => isOfSession(environment) && isOfJob(environment)),
    outliving: ProcessTree.ofJob((environment) => isOfSession(environment) && !isOfJob(environment)),
  };
}
