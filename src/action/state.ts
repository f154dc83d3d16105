import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { saveState, getState as stateFromRunner } from '@actions/core';
import type { RawSettings } from '../config/config';
import { settingKeys } from '../config/settings';
import type { Endpoints } from '../core/connection';
import { replaceFile } from '../lib/atomic-file';
import type { Environment } from '../lib/environment';
import { isRecord, parsedJson } from '../lib/json-shape';
import { isProcessIdentity, type ProcessIdentity } from '../lib/process-identity';
import { quietly } from '../lib/quietly';
import { announcedSessions } from '../session/job-sessions';
import type { Session } from '../session/session';

/** Saved by main before anything can fail. No secrets: the runner's debug log shows state. */
interface MainState {
  readonly session: Session;
  readonly settings: RawSettings;
  readonly process: ProcessIdentity;
}

/** The process group of the benchmark that runs; `ended` after its end. */
type BenchmarkState = number | 'ended';

/** What main saves, by the names under which the runner keeps it. */
interface Saved {
  readonly main: MainState;
  readonly found: Endpoints;
  readonly benchmark: BenchmarkState;
  /** Main has ended, in whatever way. */
  readonly ended: true;
}

/** Where a watchdog finds the state: the runner takes its own file away after main. */
export function stateCopyIn(directory: string): string {
  return join(directory, 'state.json');
}

/** Tells post that it runs in the place of the runner's, and where the copy of main's state is. */
const IN_PLACE_VARIABLE = 'CLEANUP_IN_PLACE_OF_RUNNER';

/** Variables with files of a step, which the runner no longer reads. */
const NO_LONGER_READ = /^GITHUB_(STATE|ENV|OUTPUT|PATH|STEP_SUMMARY)$/;

/**
 * The environment of a post that a watchdog starts, as in a job that was cancelled.
 * @param env main's
 */
export function inPlaceEnvironment(env: Environment, stateCopy: string): Environment {
  const kept = Object.entries(env).filter(([name]) => !NO_LONGER_READ.test(name));
  return { ...Object.fromEntries(kept), 'INPUT_JOB-STATUS': 'cancelled', [IN_PLACE_VARIABLE]: stateCopy };
}

export function isInPlaceOfRunner(env: Environment): boolean {
  return env[IN_PLACE_VARIABLE] !== undefined;
}

/** Hands main's state to post: through the runner, and in a copy for a watchdog. */
export class MainStateWriter {
  readonly #copy: string;
  readonly #saved: Partial<Record<keyof Saved, string>> = {};

  /** @param directory the session's own, which may not be there yet */
  constructor(directory: string) {
    this.#copy = stateCopyIn(directory);
  }

  /** @throws the library's errors: the state file may be on a full disk */
  save<Name extends keyof Saved>(name: Name, value: Saved[Name]): void {
    // As the library writes it: https://github.com/actions/toolkit/blob/main/packages/core/src/utils.ts
    this.#saved[name] = typeof value === 'string' ? value : JSON.stringify(value);
    // A watchdog goes on without a copy, as post without a readable state.
    quietly(() => replaceFile(this.#copy, JSON.stringify(this.#saved)));
    saveState(name, value);
  }
}

/** Main's state, as far as it can be read. */
export interface SavedState {
  /** Undefined when main died before saving it. */
  readonly sessionId: string | undefined;
  /** Those that could be read. */
  readonly settings: RawSettings;
  readonly process: ProcessIdentity | undefined;
  /** Where main found the providers. */
  readonly found: Endpoints;
  /** Main has read its settings, and begun its work. */
  readonly hasBegun: boolean;
  /** Undefined before the benchmark. */
  readonly benchmark: BenchmarkState | undefined;
  readonly hasEnded: boolean;
  /** One line for each unreadable part: what replaces it. */
  readonly problems: readonly string[];
}

/**
 * Reads main's state field by field. An unreadable one is replaced: by the inputs, the session in
 * the environment, or a new search for providers.
 */
export function loadState(env: NodeJS.ProcessEnv): SavedState {
  const problems: string[] = [];
  const getState = stateFor(env);
  const text = getState('main');
  const main = parsedJson(text);
  const fields = isRecord(main) ? main : {};
  const found = getState('found');
  return {
    sessionId: text === '' ? undefined : sessionIdIn(fields, env, problems),
    settings: text === '' ? {} : settingsIn(fields, problems),
    process: isProcessIdentity(fields['process']) ? fields['process'] : undefined,
    found: found === '' ? {} : endpointsIn(parsedJson(found), problems),
    hasBegun: found !== '',
    benchmark: benchmarkIn(parsedJson(getState('benchmark')) ?? getState('benchmark')),
    hasEnded: getState('ended') !== '',
    problems,
  };
}

/** Reads the state that the runner hands over, or the copy where a watchdog has started post. */
function stateFor(env: Environment): (name: keyof Saved) => string {
  const copy = env[IN_PLACE_VARIABLE];
  if (copy === undefined) return stateFromRunner;
  const saved = parsedJson(quietly(() => readFileSync(copy, 'utf8')) ?? '');
  return (name) => String((isRecord(saved) ? saved[name] : undefined) ?? '');
}

/** `<run>.<runner>.<nonce>`. Ids become parts of paths and commands. */
const SESSION_ID = /^[\w-]{1,100}\.[0-9a-f]{8}\.[0-9a-z]{8}$/;

function sessionIdIn(
  { session }: Readonly<Record<string, unknown>>,
  env: NodeJS.ProcessEnv,
  problems: string[],
): string | undefined {
  const id = isRecord(session) ? session['id'] : undefined;
  if (typeof id === 'string' && SESSION_ID.test(id)) return id;
  // With several uses of the action in a job, the variable belongs to the last one.
  const uses = announcedSessions(env).filter((one) => SESSION_ID.test(one));
  const announced = env['CLEANUP_SESSION_ID'] ?? '';
  const isOurs = SESSION_ID.test(announced) && uses.every((one) => one === announced);
  problems.push(
    isOurs
      ? 'The session that main saved can’t be read: CLEANUP_SESSION_ID is used.'
      : 'The session that main saved can’t be read: only what labels and name-prefixes match is cleaned up.',
  );
  return isOurs ? announced : undefined;
}

function settingsIn({ settings }: Readonly<Record<string, unknown>>, problems: string[]): RawSettings {
  const saved = isRecord(settings) ? settings : {};
  const readable = settingKeys.filter((key) => typeof saved[key] === 'string');
  const isBroken = !isRecord(settings) || settingKeys.some((key) => saved[key] !== undefined && typeof saved[key] !== 'string');
  if (isBroken) problems.push('Some settings that main saved can’t be read: the inputs are used for them.');
  return Object.fromEntries(readable.map((key) => [key, saved[key]]));
}

function endpointsIn(found: unknown, problems: string[]): Endpoints {
  const entries = isRecord(found) ? Object.entries(found) : [];
  const readable = entries.filter((entry): entry is [string, Endpoints[string]] => isEndpoint(entry[1]));
  if (!isRecord(found) || readable.length < entries.length) {
    problems.push('The address of a provider that main saved can’t be read: it is searched for again.');
  }
  return Object.fromEntries(readable);
}

function isEndpoint(value: unknown): value is Endpoints[string] {
  return isRecord(value) && Object.values(value).every((field) => typeof field === 'string');
}

/** Refuses 0, 1 and negative numbers, with which `kill` means other processes. */
function benchmarkIn(value: unknown): BenchmarkState | undefined {
  if (value === 'ended') return 'ended';
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 1 ? value : undefined;
}
