import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Environment } from '../lib/environment';
import { quietly } from '../lib/quietly';

/** How to clean up when the owner has ended too early. Nothing in it is secret. */
export interface WatchdogSettings {
  /** Arguments for Node: a program that cleans up for the owner, and then removes the lifeline. */
  readonly command: readonly string[];
}

/** How often the program is started, when it ends before it has done its work. */
const MAX_TRIES = 3;

/** Milliseconds to go on as a proxy for the job's other sessions: longer than a cleanup takes. */
const MAX_FOR_OTHERS_MS = 10 * 60_000;

/** Cleans up after a session whose owner is gone: a runner, or `run`. */
export class Rescue {
  readonly #settings: WatchdogSettings;
  readonly #lifeline: string;
  readonly #environment: () => Environment;
  readonly #isProxy: boolean;
  readonly #startedAt = performance.now();
  #tries = 0;
  #isCleaning = false;

  /**
   * @param lifeline a file, which the program removes when it has done its work
   * @param environment the program's
   * @param isProxy whether others may need this process
   */
  constructor(settings: WatchdogSettings, lifeline: string, environment: () => Environment, isProxy: boolean) {
    this.#settings = settings;
    this.#lifeline = lifeline;
    this.#environment = environment;
    this.#isProxy = isProxy;
  }

  /**
   * Whether all is done that can be done. Asked again and again while the owner is gone.
   * @param isInCharge whether this process is to start the program
   */
  isOver(isInCharge: boolean): boolean {
    if (!existsSync(this.#lifeline)) return !this.#isNeededByOthers();
    if (!isInCharge || this.#isCleaning) return false;
    if (this.#tries === MAX_TRIES) return true;
    this.#tries += 1;
    this.#clean();
    return false;
  }

  /**
   * Starts the program. What it prints is dropped: no runner would mask keys in it. Its report says
   * what it did.
   */
  #clean(): void {
    const ended = () => {
      this.#isCleaning = false;
    };
    this.#isCleaning = true;
    try {
      spawn(process.execPath, this.#settings.command, { cwd: '/', detached: true, env: this.#environment(), stdio: 'ignore' })
        .once('error', ended)
        .once('exit', ended);
    } catch {
      ended(); // There is no memory for it.
    }
  }

  /** Another session of the job may know the engine only by this proxy's address. */
  #isNeededByOthers(): boolean {
    if (!this.#isProxy || performance.now() - this.#startedAt > MAX_FOR_OTHERS_MS) return false;
    const own = dirname(this.#lifeline);
    const sessions = quietly(() => readdirSync(dirname(own))) ?? [];
    return sessions.some((name) => name !== basename(own) && existsSync(join(dirname(own), name, basename(this.#lifeline))));
  }
}
