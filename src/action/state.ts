import { getState, saveState } from '@actions/core';
import type { RawSettings } from '../config/config';
import type { Endpoints } from '../core/connection';
import type { Session } from '../session/session';

/** What main leaves for post, and under which names. The runner shows it in its debug log: no secrets. */
export interface MainState {
  readonly session: Session;
  readonly settings: RawSettings;
}

const names = { main: 'main', found: 'found', benchmark: 'benchmark' } as const;

export function saveMain(state: MainState): void {
  saveState(names.main, state);
}

export function saveFound(state: Endpoints): void {
  saveState(names.found, state);
}

/** The benchmark's process group while it runs; undefined as soon as it has ended. */
export function saveBenchmark(processGroup: number | undefined): void {
  saveState(names.benchmark, processGroup ?? '');
}

export interface SavedState {
  /** Undefined when main died before it could save anything. */
  readonly main: MainState | undefined;
  readonly found: Endpoints;
  /** The process group of a benchmark that main did not live to see end. */
  readonly benchmark: number | undefined;
}

export function loadState(): SavedState {
  return {
    main: load(names.main) as MainState | undefined,
    found: (load(names.found) as Endpoints | undefined) ?? {},
    benchmark: (load(names.benchmark) as number | undefined) || undefined,
  };
}

/** A main that was killed while it wrote leaves half a value: as good as none. */
function load(name: string): unknown {
  const text = getState(name);
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
