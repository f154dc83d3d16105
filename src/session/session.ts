import { createHash, randomInt } from 'node:crypto';
import { labels } from '../core/labels';

/** Where a session takes place. */
export interface SessionOrigin {
  /** `gh-<run id>-<attempt>` or `cli-<user>`. */
  readonly run: string;
  /** The runner's name; it runs one job at a time. */
  readonly runnerName: string;
  readonly hostName: string;
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
  const runner = createHash('sha256').update(`${where.runnerName}\n${where.hostName}`).digest('hex').slice(0, 8);
  const nonce = Array.from({ length: 8 }, () => NONCE_ALPHABET.charAt(randomInt(NONCE_ALPHABET.length))).join('');
  const id = `${run}.${runner}.${nonce}`;
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
