import { labels } from '../core/labels';
import type { Word } from '../core/liveness';
import type { Resource } from '../core/resource';
import { ownerOf } from '../core/selector';
import { untilAborted } from '../lib/abort';
import type { Clock } from '../lib/clock';
import type { Environment } from '../lib/environment';
import { asError, codeOf } from '../lib/errors';
import { isRecord, parsedJson } from '../lib/json-shape';
import { Limit } from '../lib/limit';

/** One attempt of a workflow run. */
export interface RunAttempt {
  /** `owner/name` */
  readonly repository: string;
  readonly run: string;
  readonly attempt: string;
}

/** A server's answer. Absent headers are null. */
export interface GithubAnswer {
  readonly status: number;
  readonly header: (name: string) => string | null;
  /** Empty if unreadable, or longer than any answer about a run. */
  readonly text: string;
}

/**
 * Sends `GET <address of the API><path>` with the token. Follows no redirects: the token must not
 * reach another host.
 * @throws without an answer
 */
export type AskGithub = (path: string, signal: AbortSignal) => Promise<GithubAnswer>;

export interface GithubRunsOptions {
  readonly ask: AskGithub;
  /** `https://github.com`: asks only about runs of this server. */
  readonly serverUrl: string;
  readonly clock: Clock;
  /** Gets a line, without foreign text, if GitHub does not help. */
  readonly onTrouble: (line: string) => void;
}

/** Milliseconds for all answers together. The others stay unknown. */
const MAX_ASKING_MS = 5_000;

/** Milliseconds until GitHub is asked again after a failure, or about a run in progress. */
const ASK_AGAIN_AFTER_MS = 60_000;

/** Requests in flight, and runs per listing: a job's token has 1,000 requests an hour. */
const MAX_REQUESTS = 8;
const MAX_RUNS = 100;

/** https://docs.github.com/rest/actions/workflow-runs */
const IN_PROGRESS = new Set(['queued', 'in_progress', 'requested', 'waiting', 'pending']);

/** The answer about one run. */
interface Known {
  readonly word: Word;
  readonly askedAt: number;
}

/** Asks GitHub whether the runs of sessions are over: each once, within some seconds. */
export class GithubRuns {
  readonly #options: GithubRunsOptions;
  /** By session. Null if its resources name several repositories. */
  readonly #runs = new Map<string, RunAttempt | null>();
  readonly #known = new Map<string, Known>();
  readonly #pending = new Map<string, Promise<void>>();
  readonly #closed = new Set<string>();
  #silentUntil = Number.NEGATIVE_INFINITY;

  constructor(options: GithubRunsOptions) {
    this.#options = options;
  }

  /** GitHub's answer about a session's run; undefined without one. */
  wordOf(session: string): Word {
    const run = this.#runs.get(session);
    return run ? this.#known.get(pathOf(run))?.word : undefined;
  }

  /**
   * Asks about the runs that made these resources. Never throws.
   * @param isWanted whether an answer about a session would help
   */
  async learn(listed: readonly Resource[], isWanted: (session: string) => boolean): Promise<void> {
    const { clock } = this.#options;
    const sessions = this.#note(listed).filter(isWanted);
    const runs = sessions.flatMap((session) => this.#runs.get(session) ?? []);
    const open = [...new Map(runs.map((run) => [pathOf(run), run])).values()]
      .filter((run) => this.#isOpen(run))
      .slice(0, MAX_RUNS);
    if (open.length === 0) return;
    const time = new AbortController();
    const cancel = clock.after(MAX_ASKING_MS, () => time.abort());
    const limit = new Limit(MAX_REQUESTS);
    try {
      await Promise.all(open.map((run) => this.#once(run, () => this.#askInTurn(run, limit, time.signal))));
    } finally {
      cancel();
    }
  }

  /** Notes the runs that resources name. Returns their sessions. */
  #note(listed: readonly Resource[]): readonly string[] {
    const sessions = new Set<string>();
    for (const resource of listed) {
      const [session, run] = [ownerOf(resource), runOf(resource, this.#options.serverUrl)];
      if (session === undefined || run === undefined) continue;
      const before = this.#runs.get(session);
      const isSame = before === undefined || before?.repository === run.repository;
      this.#runs.set(session, isSame ? run : null);
      sessions.add(session);
    }
    return [...sessions];
  }

  #isOpen(run: RunAttempt): boolean {
    const now = this.#options.clock.now();
    if (now < this.#silentUntil || this.#closed.has(run.repository)) return false;
    const known = this.#known.get(pathOf(run));
    return known === undefined || (known.word === 'live' && now - known.askedAt > ASK_AGAIN_AFTER_MS);
  }

  /** Asks once: providers are listed side by side, and wait for each other's answers. */
  #once(run: RunAttempt, ask: () => Promise<void>): Promise<void> {
    const key = pathOf(run);
    const pending = this.#pending.get(key) ?? ask().finally(() => this.#pending.delete(key));
    this.#pending.set(key, pending);
    return pending;
  }

  async #askInTurn(run: RunAttempt, limit: Limit, time: AbortSignal): Promise<void> {
    try {
      await limit.run(time, async () => {
        if (!this.#isOpen(run)) return; // Another answer has shown that asking is useless.
        const answer = await untilAborted(this.#options.ask(pathOf(run), time), time);
        this.#take(run, answer);
      });
    } catch (error) {
      this.#giveUp(
        time.aborted ? `it did not answer within ${MAX_ASKING_MS / 1_000} s` : `it can’t be reached (${wordOf(error)})`,
      );
    }
  }

  #take(run: RunAttempt, answer: GithubAnswer): void {
    const refusal = refusalOf(answer);
    if (refusal !== undefined) {
      this.#giveUp(refusal);
      return;
    }
    const { status, text } = answer;
    if (status === 403 && !this.#closed.has(run.repository)) {
      this.#closed.add(run.repository);
      this.#tell(`the token may not see runs of ${run.repository} (403): it takes “permissions: actions: read”`);
    }
    const word = status === 200 ? wordIn(text, run) : undefined;
    this.#known.set(pathOf(run), { word, askedAt: this.#options.clock.now() });
  }

  #giveUp(why: string): void {
    const now = this.#options.clock.now();
    if (now >= this.#silentUntil) this.#tell(why);
    this.#silentUntil = now + ASK_AGAIN_AFTER_MS;
  }

  #tell(why: string): void {
    this.#options.onTrouble(`GitHub does not say which runs are over: ${why}. Their age decides.`);
  }
}

/** Why more questions are useless; undefined for an answer about this run. */
function refusalOf({ status, header }: GithubAnswer): string | undefined {
  const isLimited = header('retry-after') !== null || header('x-ratelimit-remaining') === '0';
  if (status === 401) return 'it refuses the token (401)';
  if (status === 429 || (status === 403 && isLimited)) return `too much was asked of it (${status})`;
  return status >= 500 ? `it answers with ${status}` : undefined;
}

/** The system's word: `ECONNREFUSED`. */
function wordOf(thrown: unknown): string {
  const code = codeOf(thrown) ?? asError(thrown).name;
  return /^\w{1,40}$/.test(code) ? code : 'unknown error';
}

/** https://docs.github.com/rest/actions/workflow-runs#get-a-workflow-run-attempt */
function pathOf({ repository, run, attempt }: RunAttempt): string {
  return `/repos/${repository}/actions/runs/${run}/attempts/${attempt}`;
}

/** Ignores answers about another run, and incomplete ones. */
function wordIn(text: string, { run, attempt }: RunAttempt): Word {
  const answer = parsedJson(text);
  if (!isRecord(answer)) return undefined;
  const { id, run_attempt: number, status, conclusion } = answer;
  if (String(id) !== run || String(number) !== attempt || typeof status !== 'string') return undefined;
  if (status === 'completed') return typeof conclusion === 'string' ? 'over' : undefined;
  return IN_PROGRESS.has(status) ? 'live' : undefined;
}

const RUN_AND_ATTEMPT = /^gh-([1-9]\d{0,15})-([1-9]\d{0,4})\./;

/** GitHub has no names of dots only. */
const REPOSITORY = /^(?!\.+\/)[\w.-]{1,100}\/(?!\.+$)[\w.-]{1,100}$/;

/**
 * The run that made a resource, by its labels. Each server numbers its runs: all labels must name
 * the same run on this server.
 */
export function runOf({ labels: values }: Resource, serverUrl: string): RunAttempt | undefined {
  const [, run, attempt] = RUN_AND_ATTEMPT.exec(values[labels.session] ?? '') ?? [];
  const repository = values[labels.repository] ?? '';
  if (run === undefined || attempt === undefined || !REPOSITORY.test(repository)) return undefined;
  const url = `${serverUrl}/${repository}/actions/runs/${run}/attempts/${attempt}`;
  return values[labels.runUrl] === url ? { repository, run, attempt } : undefined;
}

/** Begins the ids of this run's sessions; undefined outside of a run. */
export function thisRun({ GITHUB_RUN_ID, GITHUB_RUN_ATTEMPT }: Environment): string | undefined {
  return GITHUB_RUN_ID ? `gh-${GITHUB_RUN_ID}-${GITHUB_RUN_ATTEMPT || '1'}` : undefined;
}
