import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RawSettings } from '../../config/config';
import type { Endpoints } from '../../core/connection';
import { replaceFile } from '../../lib/atomic-file';
import { isRecord, object, parsedJson, textsIn } from '../../lib/json-shape';

/** What `run` saves of itself, for a watchdog. Nothing in it is secret. */
export interface RunState {
  readonly sessionId: string;
  readonly settings: RawSettings;
  /** Paths in the settings may be relative to it. */
  readonly workingDirectory: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** As the report shows it. */
  readonly command: string;
  /** Where the providers are. */
  readonly found: Endpoints;
  /** The command's process group, while it runs. */
  readonly group: number | undefined;
  readonly jobStatus: string;
}

export function statePath(directory: string): string {
  return join(directory, 'state.json');
}

/** @throws the file system's errors */
export function writeState(directory: string, state: RunState): void {
  replaceFile(statePath(directory), JSON.stringify(state));
}

/** @throws when it can't be read */
export function readState(directory: string): RunState {
  const saved = object(parsedJson(readFileSync(statePath(directory), 'utf8')));
  const { sessionId, settings, workingDirectory, startedAt, command, found, group, jobStatus } = saved;
  if (typeof sessionId !== 'string' || sessionId === '') throw new Error('the saved state has no session');
  return {
    sessionId,
    settings: textsIn(settings),
    workingDirectory: String(workingDirectory ?? '/'),
    startedAt: typeof startedAt === 'number' ? startedAt : Date.now(),
    command: String(command ?? ''),
    found: Object.fromEntries(Object.entries(isRecord(found) ? found : {}).map(([name, place]) => [name, textsIn(place)])),
    // For `kill`, numbers below 2 mean other processes.
    group: Number.isSafeInteger(group) && Number(group) > 1 ? Number(group) : undefined,
    jobStatus: String(jobStatus ?? 'cancelled'),
  };
}
