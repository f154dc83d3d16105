import { createHash, randomInt } from 'node:crypto';
import { statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { labels, runnerOf, UNKNOWN_RUNNER } from '../core/labels';
import type { Environment } from '../lib/environment';
import { labelValue } from '../lib/label-value';
import { announcedSessions } from './job-sessions';

/** Identifies an installation of a runner, which runs one job at a time. */
export interface RunnerIdentity {
  readonly name: string;
  readonly hostName: string;
  /**
   * Only this installation's: runners of one host may share a name if different owners registered
   * them.
   * https://docs.github.com/actions/how-tos/manage-runners/self-hosted-runners/add-runners
   */
  readonly directory: string;
  /**
   * Device and inode of its work directory, if known: runners in containers may have the same
   * name, host name (the host's network) and paths.
   */
  readonly place?: string;
}

/** The place of a session. */
export interface SessionOrigin {
  /** `gh-<run id>-<attempt>` or `cli-<user>`. */
  readonly run: string;
  /** Undefined if unknown: then only age makes leftovers. */
  readonly runner: RunnerIdentity | undefined;
  /** Labels for people. */
  readonly repository?: string;
  readonly workflow?: string;
  readonly job?: string;
  readonly runUrl?: string;
}

/** One use of the action, from main's start to post's end. */
export interface Session {
  /** `<run>.<runner>.<nonce>`. */
  readonly id: string;
  /** The labels of the session's resources; the first is the one that is needed. */
  readonly labels: Readonly<Record<string, string>>;
}

const NONCE_ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** Makes a session with an id that is unique by 8 random characters. */
export function newSession(where: SessionOrigin): Session {
  // The run comes from outside, and must fit the form of ids: see `runnerOf`.
  const run = where.run.replace(/[^A-Za-z0-9_-]/g, '_') || 'unknown';
  const nonce = Array.from({ length: 8 }, () => NONCE_ALPHABET.charAt(randomInt(NONCE_ALPHABET.length))).join('');
  const id = `${run}.${runnerHash(where.runner)}.${nonce}`;
  const informative = {
    [labels.repository]: where.repository,
    [labels.workflow]: where.workflow,
    [labels.job]: where.job,
    [labels.runUrl]: where.runUrl,
  };
  return {
    id,
    labels: {
      [labels.session]: id,
      ...Object.fromEntries(Object.entries(informative).flatMap(([key, value]) => (value ? [[key, value]] : []))),
    },
  };
}

/**
 * For a session that could not be announced on its host: another one of the same user would take it
 * for over. Without its runner, only age makes leftovers of it.
 */
export function withoutRunner(session: Session): Session {
  if (runnerOf(session.id) === undefined) return session;
  const [run = '', , nonce = ''] = session.id.split('.');
  const id = [run, UNKNOWN_RUNNER, nonce].join('.');
  return { id, labels: { ...session.labels, [labels.session]: id } };
}

function runnerHash(runner: RunnerIdentity | undefined): string {
  if (runner === undefined) return UNKNOWN_RUNNER;
  const { name, hostName, directory, place = '' } = runner;
  return createHash('sha256').update([name, hostName, directory, place].join('\n')).digest('hex').slice(0, 8);
}

/** The GitHub runner of this process. Undefined without a name, as in other programs (act). */
export function githubRunner({ RUNNER_NAME, RUNNER_TEMP }: Environment, hostName: string): RunnerIdentity | undefined {
  if (!RUNNER_NAME || !RUNNER_TEMP) return undefined;
  return { name: RUNNER_NAME, hostName, directory: RUNNER_TEMP, ...placeOf(dirname(RUNNER_TEMP)) };
}

/** The runner empties the directories in its work directory, but keeps that one. */
function placeOf(workDirectory: string): Pick<RunnerIdentity, 'place'> {
  try {
    const { dev, ino } = statSync(workDirectory, { bigint: true });
    return { place: `${dev} ${ino}` };
  } catch {
    return {};
  }
}

/** For `docker run --label`. */
export function labelArgument(sessionId: string): string {
  return `${labels.session}=${sessionId}`;
}

/**
 * For `docker run --label-file`: `key=value` lines without quoting, so that line breaks become
 * spaces.
 * https://docs.docker.com/reference/cli/docker/container/run/#label
 */
export function labelFile(session: Session): string {
  return Object.entries(session.labels)
    .map(([key, value]) => `${key}=${value.replace(/[\r\n]+/g, ' ')}\n`)
    .join('');
}

/** The session's variables, for later steps and the benchmark. */
export interface SessionVariables {
  readonly CLEANUP_SESSION_ID: string;
  readonly CLEANUP_LABEL: string;
  /** Absent if the file could not be written. */
  readonly CLEANUP_LABEL_FILE?: string;
  /** This job's sessions so far, separated by blanks: none of them is over. */
  readonly CLEANUP_JOB_SESSIONS: string;
  /** Inspect's Kubernetes sandboxes give these labels to their Helm releases. */
  readonly INSPECT_HELM_LABELS: string;
}

/** @param labelFilePath see `writeLabelFile` */
export function sessionVariables(session: Session, env: Environment, labelFilePath: string | undefined): SessionVariables {
  return {
    CLEANUP_SESSION_ID: session.id,
    CLEANUP_LABEL: labelArgument(session.id),
    ...(labelFilePath === undefined ? {} : { CLEANUP_LABEL_FILE: labelFilePath }),
    CLEANUP_JOB_SESSIONS: [...announcedSessions(env), session.id].join(' '),
    INSPECT_HELM_LABELS: helmLabels(session.id, env['INSPECT_HELM_LABELS']),
  };
}

/** Adds the session's label to the user's own, in the place of an earlier session's. */
function helmLabels(sessionId: string, earlier = ''): string {
  const others = earlier.split(',').filter((label) => label !== '' && !label.startsWith(`${labels.session}=`));
  return [...others, `${labels.session}=${labelValue(sessionId)}`].join(',');
}

/**
 * @param directory the session's
 * @returns the file's path
 * @throws the file system's errors
 */
export async function writeLabelFile(session: Session, directory: string): Promise<string> {
  const path = join(directory, 'labels');
  await writeFile(path, labelFile(session));
  return path;
}
