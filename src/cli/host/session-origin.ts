import { hostname } from 'node:os';
import { labels } from '../../core/labels';
import type { Environment } from '../../lib/environment';
import { githubRunner, newSession, type RunnerIdentity, type Session } from '../../session/session';
import { UsageError } from '../exit';
import { installationId, whoIsThis } from './state-directory';

/** A session's id is a label's value, a word of a shell, and a part of a file's name. */
const SESSION_ID = /^[A-Za-z0-9._-]{1,128}$/;

/**
 * A session of this user on this host. In a job of GitHub's the runner takes the user's place: then what the action left on the same
 * runner is a leftover here, and what is left here is a leftover for the action.
 * @param stateDirectory where this user's processes meet: processes that meet elsewhere are not seen, so they count as another runner
 * @param id the id that the user chose
 * @throws {UsageError} when it can't be a session's id
 */
export async function localSession(env: Environment, stateDirectory: string | undefined, id?: string): Promise<Session> {
  if (id !== undefined && !SESSION_ID.test(id)) {
    throw new UsageError(
      `--session: ${JSON.stringify(id)} is not a session’s id; use 1 to 128 letters, digits, dots, dashes and underscores`,
    );
  }
  const { user } = whoIsThis();
  const url = runUrl(env);
  const made = newSession({
    run: `cli-${user}`,
    runner: githubRunner(env, hostname()) ?? (await runnerHere(`cli-${user}`, stateDirectory)),
    ...(url === undefined ? {} : { runUrl: url }),
  });
  return id === undefined ? made : { id, labels: { ...made.labels, [labels.session]: id } };
}

async function runnerHere(name: string, stateDirectory: string | undefined): Promise<RunnerIdentity | undefined> {
  const directory = stateDirectory === undefined ? undefined : await installationId(stateDirectory);
  return directory === undefined ? undefined : { name, hostName: hostname(), directory };
}

/** Where other CI systems tell a build's page. */
const URL_VARIABLES = ['CI_JOB_URL', 'BUILDKITE_BUILD_URL', 'CIRCLE_BUILD_URL', 'BUILD_URL'] as const;

/** The page of the build that this runs in, for people who find what it left. */
function runUrl(env: Environment): string | undefined {
  const { GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITHUB_RUN_ID } = env;
  if (GITHUB_SERVER_URL && GITHUB_REPOSITORY && GITHUB_RUN_ID) {
    return `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID}`;
  }
  const { SYSTEM_TEAMFOUNDATIONCOLLECTIONURI, SYSTEM_TEAMPROJECT, BUILD_BUILDID } = env;
  if (SYSTEM_TEAMFOUNDATIONCOLLECTIONURI && SYSTEM_TEAMPROJECT && BUILD_BUILDID) {
    return `${SYSTEM_TEAMFOUNDATIONCOLLECTIONURI}${encodeURIComponent(SYSTEM_TEAMPROJECT)}/_build/results?buildId=${BUILD_BUILDID}`;
  }
  return URL_VARIABLES.map((name) => env[name]).find((url) => url);
}
