import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { isRecord, parsedJson } from '../lib/json-shape';

/** How to clean up when the runner is gone before post ran. Nothing in it is secret. */
export interface WatchdogSettings {
  /** Post's bundle. */
  readonly program: string;
  /** A copy of main's state. */
  readonly state: string;
  /** Gets what post prints. */
  readonly log: string;
}

/** Files of a step that nobody reads any more. */
const NO_LONGER_READ = /^GITHUB_(STATE|ENV|OUTPUT|PATH|STEP_SUMMARY)$/;

/** Tells post that it runs in the place of the runner's. */
export const WATCHDOG_VARIABLE = 'CLEANUP_IN_PLACE_OF_RUNNER';

/**
 * Starts post as the runner would have, in a job that was cancelled.
 * @param environment main's
 * @param started called when it runs; not called when it can't be started: try again
 */
export function cleanInstead(
  { program, state, log }: WatchdogSettings,
  environment: Readonly<Record<string, string | undefined>>,
  started: () => void,
): void {
  const kept = Object.entries(environment).filter(([name]) => !NO_LONGER_READ.test(name));
  const output = quietly(() => openSync(log, 'a')) ?? 'ignore'; // The disk may be full.
  const post = spawn(process.execPath, [program], {
    cwd: '/',
    detached: true,
    env: {
      ...Object.fromEntries(kept),
      ...savedState(state),
      'INPUT_JOB-STATUS': 'cancelled',
      [WATCHDOG_VARIABLE]: 'true',
    },
    stdio: ['ignore', output, output],
  });
  if (output !== 'ignore') closeSync(output);
  post.once('error', (error) => console.error(error)).once('spawn', started);
}

/** `STATE_<name>`, as the runner hands state to post. */
function savedState(path: string): Readonly<Record<string, string>> {
  const saved = parsedJson(quietly(() => readFileSync(path, 'utf8')) ?? '');
  return Object.fromEntries(
    Object.entries(isRecord(saved) ? saved : {}).map(([name, value]) => [`STATE_${name}`, String(value)]),
  );
}

function quietly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
