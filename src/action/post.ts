import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { limitsFrom, Offspring } from '../benchmark/process-tree';
import { processList, survivorsLine } from '../benchmark/survivors';
import { BadSettings, type Config, parseConfig } from '../config/config';
import { restored } from '../config/saved';
import { sleep, systemClock } from '../lib/clock';
import { Deadline } from '../lib/deadline';
import { duty } from '../phases/best-effort';
import { together } from '../phases/deaths';
import type { Console } from '../phases/log';
import { modeOf } from '../phases/post-cleanup-mode';
import { discoverProviders } from '../phases/providers';
import { selectAfter } from '../phases/selection';
import { type Before, readSnapshot } from '../phases/snapshot';
import { tearDown } from '../phases/teardown';
import { plainLine } from '../report/escape';
import { writeReport } from '../report/json';
import { closingLines } from '../report/lines';
import { writeMetrics } from '../report/metrics';
import type { DeathReport, Report } from '../report/model';
import { summaryOf } from '../report/summary/summary';
import { wholeReport } from '../report/whole-report';
import { time } from '../report/words';
import { annotate } from './annotate';
import { Troubles } from './annotation-collector';
import { readInputs } from './inputs';
import { MAIN_REPORT } from './main';
import { sessionDirectory } from './runner';
import { runnerConsole } from './runner-log';
import { loadState, type SavedState } from './state';
import { appendSummary } from './summary-file';

const clock = systemClock;

/** The action's post: removes what the session owns, whatever happened before, and tells. One failing duty never stops another. */
export async function post(): Promise<void> {
  const state = loadState();
  const config = settingsFor(state);
  if (config === undefined) return;
  const console = new Troubles(runnerConsole);
  try {
    await work(state, config, console);
  } finally {
    console.annotate(state.main?.session.id);
  }
}

async function work(state: SavedState, config: Config, console: Troubles): Promise<void> {
  const startedAt = clock.now();
  const before = await duty(console, 'reading main’s report', () => mainReport(state));
  await duty(console, 'ending the benchmark', () => endBenchmark(state, config, console));
  const { phase, deaths } = await clean(state, config, before?.deaths ?? [], console);
  for (const line of closingLines(phase)) console.info(line);
  const report = wholeReport({
    session: state.main?.session.id ?? null,
    startedAt: before?.startedAt ?? startedAt,
    now: clock.now(),
    benchmark: before?.benchmark ?? null,
    deaths: together(before?.deaths ?? [], deaths),
    phases: { pre: before?.phases.pre ?? null, run: before?.phases.run ?? null, post: phase },
  });
  await tell(report, config, console);
  annotate(phase, config, 'Cleanup', console);
}

async function tell(report: Report, { reportPath, metricsPath, summary }: Config, console: Console): Promise<void> {
  const serverUrl = process.env['GITHUB_SERVER_URL'];
  const options = { reportPath, ...(serverUrl ? { serverUrl } : {}) };
  await duty(console, 'writing the report', () => writeReport(reportPath, report));
  if (metricsPath !== undefined) await duty(console, 'writing the metrics', () => writeMetrics(metricsPath, report));
  if (summary) await duty(console, 'writing the summary', () => appendSummary(summaryOf(report, options), process.env));
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
    runnerConsole.info('Nothing to clean up: main refused its inputs and started nothing.');
    return undefined;
  }
}

async function mainReport({ main }: SavedState): Promise<Report | undefined> {
  if (main === undefined) return undefined;
  const text = await readFile(join(sessionDirectory(process.env, main.session.id), MAIN_REPORT), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Report);
}

/** Where main was killed; it ends what it started otherwise. */
async function endBenchmark({ benchmark, main }: SavedState, config: Config, console: Console): Promise<void> {
  if (main === undefined || config.run === undefined) return;
  const offspring = Offspring.ofEarlier(main.session.id, benchmark);
  const found = await offspring.alive();
  if (found.length === 0) return;
  console.info(plainLine(`Ending the benchmark, which outlived main: ${processList(found)}.`));
  const survivors = await offspring.end(limitsFrom(clock.now(), config.gracePeriod), clock);
  if (survivors.length > 0) console.warning(plainLine(survivorsLine(survivors)), 'Benchmark');
}

/** @param told the deaths that main has told */
async function clean(
  { main, found }: SavedState,
  config: Config,
  told: readonly DeathReport[],
  console: Console,
): ReturnType<typeof tearDown> {
  if (config.delay > 0) {
    console.info(`Waiting ${time(config.delay)}, as delay says.`);
    await sleep(clock, config.delay, new AbortController().signal);
  }
  const deadline = new Deadline(clock, config.deadline);
  try {
    return await console.group('Cleanup', async () =>
      tearDown({
        config,
        sessionId: main?.session.id,
        connections: discoverProviders(config, process.env, clock, deadline, found, console),
        selection: selectAfter(config, main?.session.id, await snapshotFor(config, main, console)),
        mode: modeOf(config),
        told,
        deadline,
        clock,
        console,
      }),
    );
  } finally {
    deadline.dispose();
  }
}

/** For `scope: job`. Without main's list nobody knows what was there before: then the session's own is all that is removed. */
async function snapshotFor({ scope }: Config, main: SavedState['main'], console: Console): Promise<Before | undefined> {
  if (scope === 'session') return undefined;
  const before =
    main &&
    (await duty(console, 'reading what was there before', () => readSnapshot(sessionDirectory(process.env, main.session.id))));
  if (before === undefined)
    console.warning(
      'scope: job can’t be kept: main left no list of what was there before. Only the session’s own is removed.',
      'Cleanup',
    );
  return before;
}
