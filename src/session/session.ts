import { createHash, randomInt } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { labels, UNKNOWN_RUNNER } from '../core/labels';
import type { Environment } from '../lib/environment';
import { announcedSessions } from './job-sessions';

/** What tells an installation of a runner from all others. It runs one job at a time. */
export interface RunnerIdentity {
  readonly name: string;
  readonly hostName: string;
  /**
   * A directory that only this installation has: two runners of one host have the same name when they are registered with different
   * owners. https://docs.github.com/actions/how-tos/manage-runners/self-hosted-runners/add-runners
   */
  readonly directory: string;
}

/** Where a session takes place. */
export interface SessionOrigin {
  /** `gh-<run id>-<attempt>` or `cli-<user>`. */
  readonly run: string;
  /** Undefined where nothing tells it from another: then only age decides what a session has left. */
  readonly runner: RunnerIdentity | undefined;
  /** Written on resources for people to read. */
  readonly repository?: string;
  readonly workflow?: string;
  readonly job?: string;
  readonly runUrl?: string;
}

/** One use of the action, from main's start to post's end. */
export interface Session {
  /** `<run>.<runner>.<nonce>`. */
  readonly id: string;
  /** All labels of a resource that belongs to this session; the first is the one that is needed. */
  readonly labels: Readonly<Record<string, string>>;
}

const NONCE_ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** A new session, told from all others by 8 random characters. */
export function newSession(where: SessionOrigin): Session {
  // The run is the only part that others choose; it may not break the id's form, which runnerOf() relies on.
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

function runnerHash(runner: RunnerIdentity | undefined): string {
  if (runner === undefined) return UNKNOWN_RUNNER;
  const { name, hostName, directory } = runner;
  return createHash('sha256').update([name, hostName, directory].join('\n')).digest('hex').slice(0, 8);
}

/** The runner of GitHub's that this process runs on. Undefined without a name: other programs that run workflows (act) give none. */
export function githubRunner({ RUNNER_NAME, RUNNER_TEMP }: Environment, hostName: string): RunnerIdentity | undefined {
  return RUNNER_NAME && RUNNER_TEMP ? { name: RUNNER_NAME, hostName, directory: RUNNER_TEMP } : undefined;
}

/** The session's label as `docker run --label` takes it. */
export function labelArgument(sessionId: string): string {
  return `${labels.session}=${sessionId}`;
}

/**
 * What `docker run --label-file` reads: `key=value` a line. There is no quoting in it, so line breaks in a value become spaces.
 * https://docs.docker.com/reference/cli/docker/container/run/#label
 */
export function labelFile(session: Session): string {
  return Object.entries(session.labels)
    .map(([key, value]) => `${key}=${value.replace(/[\r\n]+/g, ' ')}\n`)
    .join('');
}

/** Tells later steps, and the benchmark, with which label to mark what they start. */
export interface SessionVariables {
  readonly CLEANUP_SESSION_ID: string;
  readonly CLEANUP_LABEL: string;
  /** Absent where the file could not be written. */
  readonly CLEANUP_LABEL_FILE?: string;
  /** This session and those that were announced before it in the same job, separated by blanks: none of them is over. */
  readonly CLEANUP_JOB_SESSIONS: string;
}

/** @param labelFilePath see `writeLabelFile` */
export function sessionVariables(session: Session, env: Environment, labelFilePath: string | undefined): SessionVariables {
  return {
    CLEANUP_SESSION_ID: session.id,
    CLEANUP_LABEL: labelArgument(session.id),
    ...(labelFilePath === undefined ? {} : { CLEANUP_LABEL_FILE: labelFilePath }),
    CLEANUP_JOB_SESSIONS: [...announcedSessions(env), session.id].join(' '),
  };
}

/**
 * @param directory of the session
 * @returns the file's path
 * @throws what the system says
 */
export async function writeLabelFile(session: Session, directory: string): Promise<string> {
  const path = join(directory, 'labels');
  await writeFile(path, labelFile(session));
  return path;
}
