import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { isRecord, parsedJson } from '../lib/json-shape';

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

/**
 * Starts post as the runner would have, in a job that was cancelled. What it prints is dropped: no
 * runner would mask keys in it. Its report tells what it did.
 * @param environment main's
 * @param ended called when it has ended; not called when it can't be started: try again
 */
export function cleanInstead(
  { program, state }: WatchdogSettings,
  environment: Readonly<Record<string, string | undefined>>,
  { began, ended }: { readonly began: () => void; readonly ended: () => void },
): void {
  const kept = Object.entries(environment).filter(([name]) => !NO_LONGER_READ.test(name));
  const env = {
    ...Object.fromEntries(kept),
    ...savedState(state),
    'INPUT_JOB-STATUS': 'cancelled',
    [WATCHDOG_VARIABLE]: 'true',
  };
  spawn(process.execPath, [program], { cwd: '/', detached: true, env, stdio: 'ignore' })
    .once('error', (error) => console.error(error))
    .once('spawn', began)
    .once('exit', ended);
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
