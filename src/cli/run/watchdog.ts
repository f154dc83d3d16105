import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { SESSION_MARKER } from '../../benchmark/process-tree';
import type { Config } from '../../config/config';
import type { Environment } from '../../lib/environment';
import { asError } from '../../lib/errors';
import { thisProcess } from '../../lib/process-identity';
import { quietly } from '../../lib/quietly';
import { writeMainReport } from '../../phases/main-report';
import { lifelineIn, NO_PROXY } from '../../phases/proxy';
import { noWatchdogOn } from '../../phases/watchdog';
import { launchProxy } from '../../proxy/launch';
import type { Report } from '../../report/model';
import { ProviderUnreachable } from '../exit';
import type { Output } from '../terminal/output';
import { inPlaceWord, watchdogWord } from './own-words';
import { type RunState, writeState } from './state';

/**
 * Variables by which others find processes to end: the runner, an outer `run`, and post. They are
 * not to find the cleanup, which ends by itself.
 */
const ENDS_WITH_OTHERS: readonly string[] = ['RUNNER_TRACKING_ID', SESSION_MARKER, 'CLEANUP_SESSION_ID'];

export interface WatchdogOptions {
  readonly setting: Config['watchdog'];
  /** The session's own. */
  readonly directory: string;
  readonly state: RunState;
  readonly env: Environment;
  readonly output: Output;
}

/**
 * Starts a process that cleans up in the place of `run` when `run` is killed. Once started, it does
 * without `run`, which does not wait until it watches.
 */
export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #isWanted: boolean;
  readonly #end = new AbortController();
  /** Why there is none. */
  readonly #problem: Promise<string | undefined>;
  #state: RunState;

  /** Starts it, and does not wait. */
  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#state = options.state;
    const hindrance = process.pid === 1 ? 'this container ends with run' : noWatchdogOn(process.platform);
    this.#isWanted = options.setting !== false && hindrance === undefined;
    this.#problem = this.#isWanted ? this.#launch() : Promise.resolve(options.setting === false ? undefined : hindrance);
    void this.#problem.then((problem) => this.#tell(problem));
  }

  /**
   * Waits for it where there must be one.
   * @throws {ProviderUnreachable} when there can't be one
   */
  async check(): Promise<void> {
    if (this.#options.setting !== true) return;
    const problem = await this.#problem;
    if (problem !== undefined) throw new ProviderUnreachable(`watchdog is true, and there can’t be one: ${problem}`);
  }

  /** Saves what it needs to know. On a full disk it goes on without. */
  save(news: Partial<RunState>): void {
    this.#state = { ...this.#state, ...news };
    if (this.#isWanted) quietly(() => writeState(this.#options.directory, this.#state));
  }

  /** Keeps the report of what came before the teardown. */
  async keep(report: Report): Promise<void> {
    if (this.#isWanted) await writeMainReport(this.#options.directory, report).catch(() => undefined);
  }

  /** There is nothing left to watch over. It ends within a second. */
  end(): void {
    this.#end.abort();
    quietly(() => rmSync(this.#lifeline, { force: true }));
  }

  get #lifeline(): string {
    return lifelineIn(this.#options.directory);
  }

  #tell(problem: string | undefined): void {
    const isKnown = this.#options.setting === true || this.#end.signal.aborted;
    if (problem === undefined || isKnown) return;
    this.#options.output.info(`If run is killed, the next run or a sweep cleans up: ${problem}.`);
  }

  /** @returns why there is none; undefined when it watches. Never throws */
  async #launch(): Promise<string | undefined> {
    const { directory, env, state } = this.#options;
    const { signal } = this.#end;
    try {
      writeState(directory, state);
      const bundle = process.argv[1] ?? '';
      await launchProxy({
        program: [bundle, watchdogWord],
        settings: {
          ...NO_PROXY,
          lifeline: this.#lifeline,
          owner: thisProcess(),
          watchdog: { command: [bundle, inPlaceWord, directory] },
        },
        log: join(directory, 'watchdog.log'),
        env,
        confidence: {
          environment: Object.fromEntries(Object.entries(env).filter(([name]) => !ENDS_WITH_OTHERS.includes(name))),
        },
        signal,
      });
      return undefined;
    } catch (error) {
      if (signal.aborted) this.end(); // The lifeline may have been made since.
      return asError(error).message;
    }
  }
}
