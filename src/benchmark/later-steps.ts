import type { Environment } from '../lib/environment';
import type { IsMarked } from './process-table';
import { ProcessTree } from './process-tree';

/** Later steps, and what they start, have the session's id in this variable. */
const SESSION_VARIABLE = 'CLEANUP_SESSION_ID';

/**
 * After all posts, the runner ends the processes that have its value of this variable. Workflows
 * change it for processes that are to live on.
 * https://github.com/actions/runner/blob/main/src/Runner.Worker/JobExtension.cs
 */
const JOB_VARIABLE = 'RUNNER_TRACKING_ID';

/**
 * Inputs that tell this action's own processes from later steps: another post of the session, say,
 * or main of another use of the action. The runner gives them all to main and post. Another action
 * may have an input of one of these names, but not of all; the benchmark gets none.
 */
const OWN_INPUTS = ['INPUT_PRE-CLEANUP=', 'INPUT_POST-CLEANUP=', 'INPUT_EXITED-TTL=', 'INPUT_SKIP-GRACE-WHEN-DEAF='];

export interface LaterSteps {
  /** Both kinds: nearly always there are none, and one look at all processes shows it. */
  readonly all: ProcessTree;
  readonly ending: ProcessTree;
  /** Marked with the session, but taken out of the job by its workflow. */
  readonly outliving: ProcessTree;
}

/**
 * Finds the processes that later steps of a session's job started.
 * @param env of a step of that job
 */
export function laterSteps(sessionId: string, env: Environment): LaterSteps {
  const job = env[JOB_VARIABLE];
  const isOfSession: IsMarked = (environment) =>
    environment.includes(`${SESSION_VARIABLE}=${sessionId}`) && !isOfThisAction(environment);
  const isOfJob: IsMarked = (environment) => !job || environment.includes(`${JOB_VARIABLE}=${job}`);
  return {
    all: ProcessTree.ofJob(isOfSession),
    ending: ProcessTree.ofJob((environment) => isOfSession(environment) && isOfJob(environment)),
    outliving: ProcessTree.ofJob((environment) => isOfSession(environment) && !isOfJob(environment)),
  };
}

const isOfThisAction: IsMarked = (environment) => OWN_INPUTS.every((input) => environment.some((item) => item.startsWith(input)));
