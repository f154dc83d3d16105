import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Environment } from '../lib/environment';
import { isRecord, parsedJson } from '../lib/json-shape';
import { quietly } from '../lib/quietly';

/** How to clean up when the runner is gone before post ran. Nothing in it is secret. */
export interface WatchdogSettings {
  /** Post's bundle. */
  readonly program: string;
  /** A copy of main's state. */
  readonly state: string;
}

/** Files of a step that nobody reads any more. */
const NO_LONGER_READ = /^GITHUB_(STATE|ENV|OUTPUT|PATH|STEP_SUMMARY)$/;

/** Tells post that it runs in the place of the runner's. */
export const WATCHDOG_VARIABLE = 'CLEANUP_IN_PLACE_OF_RUNNER';

/** How often post is started, when it ends before it has done its work. */
const MAX_TRIES = 3;

/** Milliseconds to go on as a proxy for the job's other sessions: longer than a cleanup takes. */
const MAX_FOR_OTHERS_MS = 10 * 60_000;

/** Cleans up after a job whose runner is gone. */
export class Rescue {
  readonly #settings: WatchdogSettings;
  readonly #lease: string;
  readonly #environment: () => Environment;
  readonly #startedAt = performance.now();
  #tries = 0;
  #isCleaning = false;

  /**
   * @param lease a file, which post removes when it has done its work
   * @param environment main's
   */
  constructor(settings: WatchdogSettings, lease: string, environment: () => Environment) {
    this.#settings = settings;
    this.#lease = lease;
    this.#environment = environment;
  }

  /**
   * Whether all is done that can be done. Asked again and again while the runner is gone.
   * @param isInCharge whether this process is to start post
   */
  isOver(isInCharge: boolean): boolean {
    if (!existsSync(this.#lease)) return !this.#isNeededByOthers();
    if (!isInCharge || this.#isCleaning) return false;
    if (this.#tries === MAX_TRIES) return true;
    this.#tries += 1;
    this.#clean();
    return false;
  }

  /**
   * Starts post as the runner would have, in a job that was cancelled. What it prints is dropped: no
   * runner would mask keys in it. Its report tells what it did.
   */
  #clean(): void {
    const kept = Object.entries(this.#environment()).filter(([name]) => !NO_LONGER_READ.test(name));
    const env = {
      ...Object.fromEntries(kept),
      ...savedState(this.#settings.state),
      'INPUT_JOB-STATUS': 'cancelled',
      [WATCHDOG_VARIABLE]: 'true',
    };
    const ended = () => {
      this.#isCleaning = false;
    };
    this.#isCleaning = true;
    try {
      spawn(process.execPath, [this.#settings.program], { cwd: '/', detached: true, env, stdio: 'ignore' })
        .once('error', ended)
        .once('exit', ended);
    } catch {
      ended(); // There is no memory for it.
    }
  }

  /** Another session of the job may know the engine only by this proxy's address. */
  #isNeededByOthers(): boolean {
    if (performance.now() - this.#startedAt > MAX_FOR_OTHERS_MS) return false;
    const own = dirname(this.#lease);
    const sessions = quietly(() => readdirSync(dirname(own))) ?? [];
    return sessions.some((name) => name !== basename(own) && existsSync(join(dirname(own), name, basename(this.#lease))));
  }
}

/** `STATE_<name>`, as the runner hands state to post. */
function savedState(path: string): Readonly<Record<string, string>> {
  const saved = parsedJson(quietly(() => readFileSync(path, 'utf8')) ?? '');
  return Object.fromEntries(
    Object.entries(isRecord(saved) ? saved : {}).map(([name, value]) => [`STATE_${name}`, String(value)]),
  );
}
