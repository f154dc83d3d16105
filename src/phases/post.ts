import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as core from '@actions/core';
import { endGroup, isGroupOf } from '../benchmark/process-group';
import { BadSettings, type Config, parseConfig } from '../config/config';
import { restored } from '../config/saved';
import { readInputs } from '../github/inputs';
import { sessionDirectory } from '../github/runner';
import { loadState, type SavedState } from '../github/state';
import { appendSummary } from '../github/summary';
import { sleep, systemClock } from '../reaper/clock';
import type { Connection } from '../reaper/connection';
import { Deadline } from '../reaper/deadline';
import { asError } from '../reaper/errors';
import type { SweepMode } from '../reaper/sweep';
import { plainLine } from '../report/escape';
import { writeReport } from '../report/json';
import { closingLines, providerLine } from '../report/lines';
import { isoTime, type PhaseReport, providerReport, type Report } from '../report/model';
import { summaryOf } from '../report/summary';
import { time } from '../report/words';
import { labelArgument } from '../session/session';
import { annotate } from './annotate';
import { cleanUp } from './cleanup';
import { MAIN_REPORT } from './main';
import { discoverProviders } from './providers';
import { selectAfter } from './selection';
import { type Before, readSnapshot } from './snapshot';

const clock = systemClock;

/** The action's post: removes what the session owns, whatever happened before, and tells. One failing duty never stops another. */
export async function post(): Promise<void> {
  const state = loadState();
  const config = settingsFor(state);
  if (config === undefined) return;
  const startedAt = clock.now();
  const before = await duty('reading main’s report', () => mainReport(state));
  await duty('ending the benchmark', () => endBenchmark(state, config));
  const phase = await clean(state, config);
  for (const line of closingLines(phase)) core.info(line);
  const report: Report = {
    schemaVersion: 1,
    session: state.main?.session.id ?? null,
    startedAt: before?.startedAt ?? isoTime(startedAt),
    finishedAt: isoTime(clock.now()),
    benchmark: before?.benchmark ?? null,
    deaths: [],
    phases: { pre: before?.phases.pre ?? null, run: before?.phases.run ?? null, post: phase },
  };
  await duty('writing the report', () => writeReport(config.reportPath, report));
  if (config.summary) await duty('writing the summary', () => appendSummary(summaryOf(report), process.env));
  annotate(phase, config, state.main?.session.id);
}

/**
 * Main's settings. Without them main died at its very start, and the inputs are all there is; main refused inputs that can't be
 * read and started nothing, so then there is nothing to do.
 */
function settingsFor({ main }: SavedState): Config | undefined {
  const current = readInputs();
  try {
    return parseConfig(main ? restored(main.settings, current) : current, process.env);
  } catch (error) {
    if (!(error instanceof BadSettings)) throw error;
    core.info('Nothing to clean up: main refused its inputs and started nothing.');
    return undefined;
  }
}

async function duty<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    core.warning(plainLine(`${what} failed: ${asError(error).message}`), { title: 'Cleanup' });
    return undefined;
  }
}

async function mainReport({ main }: SavedState): Promise<Report | undefined> {
  if (main === undefined) return undefined;
  const text = await readFile(join(sessionDirectory(process.env, main.session.id), MAIN_REPORT), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Report);
}

/** Only where main was killed: it ends what it started otherwise. */
async function endBenchmark({ benchmark, main }: SavedState, config: Config): Promise<void> {
  if (benchmark === undefined || main === undefined) return;
  if (!(await isGroupOf(benchmark, `CLEANUP_SESSION_ID=${main.session.id}`))) return;
  core.info(`Ending the benchmark (process group ${benchmark}), which outlived main.`);
  await endGroup(benchmark, config.gracePeriod, clock);
}

async function clean({ main, found }: SavedState, config: Config): Promise<PhaseReport> {
  if (config.delay > 0) {
    core.info(`Waiting ${time(config.delay)}, as delay says.`);
    await sleep(clock, config.delay, new AbortController().signal);
  }
  const deadline = new Deadline(clock, config.deadline);
  core.startGroup('Cleanup');
  try {
    const connections = discoverProviders(config, process.env, clock, deadline, found).map(told);
    return await cleanUp({
      connections,
      selection: selectAfter(config, main?.session.id, await snapshotFor(config, main)),
      mode: modeOf(config),
      ...(main ? { label: labelArgument(main.session.id) } : {}),
      config,
      deadline,
      clock,
      log: core.info,
    });
  } finally {
    core.endGroup();
    deadline.dispose();
  }
}

async function told(found: Promise<Connection>): Promise<Connection> {
  const connection = await found;
  core.info(providerLine(providerReport(connection)));
  return connection;
}

/** For `scope: job`. Without main's list nobody knows what was there before: then the session's own is all that is removed. */
async function snapshotFor({ scope }: Config, main: SavedState['main']): Promise<Before | undefined> {
  if (scope === 'session') return undefined;
  const before =
    main && (await duty('reading what was there before', () => readSnapshot(sessionDirectory(process.env, main.session.id))));
  if (before === undefined)
    core.warning('scope: job can’t be kept: main left no list of what was there before. Only the session’s own is removed.');
  return before;
}

function modeOf({ dryRun, postCleanup, jobStatus }: Config): SweepMode {
  const succeeded = jobStatus === 'success';
  if (postCleanup === 'never') return { kind: 'keep', reason: 'post-cleanup is never' };
  if (postCleanup === 'success' && !succeeded)
    return { kind: 'keep', reason: `post-cleanup is success, the job’s status is ${jobStatus}` };
  if (postCleanup === 'failure' && succeeded) return { kind: 'keep', reason: 'post-cleanup is failure, and the job succeeded' };
  return dryRun ? { kind: 'plan' } : { kind: 'remove' };
}
