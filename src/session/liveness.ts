import { runnerOf } from '../core/labels';
import { decide, type LivenessOfSessions, type SessionState } from '../core/liveness';
import type { Resource } from '../core/resource';
import type { LiveSessionIds } from '../core/selector';
import type { Clock } from '../lib/clock';
import type { Environment } from '../lib/environment';
import { type AskGithub, GithubRuns, thisRun } from './github-runs';
import { sessionsOfJob } from './job-sessions';
import type { Leases } from './leases';

/** The sources of evidence. */
export interface LivenessOptions {
  /** This process's own. */
  readonly sessionId: string;
  readonly leases: Leases;
  /** Without it, GitHub is not asked. */
  readonly githubToken: string | undefined;
  readonly env: Environment;
  readonly clock: Clock;
  /** Gets a line about missing evidence, and the token to mask. */
  readonly log: { info(line: string): void; mask(secret: string): void };
}

/** Milliseconds for which an answer holds. */
const RECENT_MS = 1_000;

/** Decides from all evidence which sessions are live and which are over. */
export class Liveness implements LivenessOfSessions {
  readonly #sessionId: string;
  readonly #ofJob: LiveSessionIds;
  readonly #leases: Leases;
  readonly #github: GithubRuns | undefined;
  readonly #thisRun: string | undefined;
  readonly #clock: Pick<Clock, 'now'>;
  /** Saves reading leases for each of thousands of resources. */
  readonly #recent = new Map<string, { readonly state: SessionState; readonly at: number }>();

  constructor(options: LivenessOptions) {
    const { sessionId, leases, env, clock } = options;
    this.#sessionId = sessionId;
    this.#ofJob = sessionsOfJob(env, clock);
    this.#leases = leases;
    this.#github = githubRuns(options);
    this.#thisRun = thisRun(env);
    this.#clock = clock;
  }

  /** A session takes its lease before it makes anything, so a moment-old answer holds. */
  of(session: string): SessionState {
    const now = this.#clock.now();
    const recent = this.#recent.get(session);
    if (recent !== undefined && now - recent.at < RECENT_MS) return recent.state;
    const state = this.#decide(session);
    this.#recent.set(session, { state, at: now });
    return state;
  }

  #decide(session: string): SessionState {
    const runner = runnerOf(this.#sessionId);
    return decide({
      isOfThisJob: session === this.#sessionId || this.#ofJob.has(session),
      lease: this.#leases.wordOf(session),
      ci: this.#github?.wordOf(session),
      isOfThisRun: this.#isOfThisRun(session),
      isOfThisRunner: runner !== undefined && runnerOf(session) === runner,
    });
  }

  /** Asks GitHub about runs without surer evidence, for some seconds at most. Never throws. */
  async learn(listed: readonly Resource[]): Promise<void> {
    await this.#github?.learn(listed, (session) => {
      const known = this.of(session);
      const hasSurer = known.state !== 'unknown' && (known.evidence === 'job' || known.evidence === 'lease');
      return !hasSurer && !this.#isOfThisRun(session);
    });
    this.#recent.clear();
  }

  #isOfThisRun(session: string): boolean {
    return this.#thisRun !== undefined && session.startsWith(`${this.#thisRun}.`);
  }
}

const DEFAULT_API = 'https://api.github.com';
const DEFAULT_SERVER = 'https://github.com';

/** Also for GitHub Enterprise Server, by its addresses in the environment. */
function githubRuns({ githubToken, env, clock, log }: LivenessOptions): GithubRuns | undefined {
  const url = (env['GITHUB_API_URL'] || DEFAULT_API).replace(/\/+$/, '');
  // An unevaluated expression is not a token.
  const isToken = /^[\x21-\x7e]+$/.test(githubToken ?? '');
  if (githubToken === undefined || !isToken || !/^https?:\/\/[^/@]+(\/|$)/.test(url) || !URL.canParse(url)) return undefined;
  log.mask(githubToken);
  let client: Promise<AskGithub> | undefined;
  return new GithubRuns({
    serverUrl: env['GITHUB_SERVER_URL'] || DEFAULT_SERVER,
    clock,
    onTrouble: (line) => log.info(line),
    async ask(path, signal) {
      // Loading undici takes a while, and most jobs have nothing to ask.
      client ??= import(/* webpackMode: "eager" */ './github-client').then(({ githubClient }) => githubClient(url, githubToken));
      return (await client)(path, signal);
    },
  });
}
