import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { limitsFrom, ProcessTree } from '../benchmark/process-tree';
import { processList, survivorsLine } from '../benchmark/survivors';
import { BadSettings, type Config, parseConfig } from '../config/config';
import { restored } from '../config/saved';
import type { Baseline } from '../core/selector';
import { sleep, systemClock } from '../lib/clock';
import { withDeadline } from '../lib/deadline';
import { bestEffort } from '../phases/best-effort';
import { mergeDeaths } from '../phases/deaths';
import type { Log } from '../phases/log';
import { postCleanupMode } from '../phases/post-cleanup-mode';
import { discoverProviders } from '../phases/providers';
import { selectAfter } from '../phases/selection';
import { readSnapshot } from '../phases/snapshot';
import { tearDown } from '../phases/teardown';
import { plainLine } from '../report/escape';
import { closingLines } from '../report/lines';
import type { DeathReport, Report } from '../report/model';
import { wholeReport } from '../report/whole-report';
import { time } from '../report/words';
import { writeOutputs } from '../report/write';
import { sessionDirectory } from '../session/job-sessions';
import { annotate } from './annotate';
import { AnnotationCollector } from './annotation-collector';
import { readInputs } from './inputs';
import { MAIN_REPORT } from './main';
import { runProgram } from './run-program';
import { runnerLog } from './runner-log';
import { loadState, type SavedState } from './state';
import { appendSummary } from './summary-file';

const clock = systemClock;

/** The action's post: removes what the session owns, whatever happened before, and tells. One failing duty never stops another. */
export async function post(): Promise<void> {
  const state = loadState();
  const config = settingsFor(state);
  if (config === undefined) return;
  const log = new AnnotationCollector(runnerLog);
  try {
    await work(state, config, log);
  } finally {
    log.annotate(state.main?.session.id);
  }
}

async function work(state: SavedState, config: Config, log: AnnotationCollector): Promise<void> {
  const startedAt = clock.now();
  const before = await bestEffort(log, 'reading main’s report', () => mainReport(state));
  await bestEffort(log, 'ending the benchmark', () => endBenchmark(state, config, log));
  const { phase, deaths } = await clean(state, config, before?.deaths ?? [], log);
  for (const line of closingLines(phase)) log.info(line);
  const report = wholeReport({
    session: state.main?.session.id ?? null,
    startedAt: before?.startedAt ?? startedAt,
    now: clock.now(),
    benchmark: before?.benchmark ?? null,
    deaths: mergeDeaths(before?.deaths ?? [], deaths),
    phases: { pre: before?.phases.pre ?? null, run: before?.phases.run ?? null, post: phase },
  });
  await tell(report, config, log);
  annotate(phase, config, 'Cleanup', log);
}

async function tell(report: Report, { reportPath, metricsPath, summary }: Config, log: Log): Promise<void> {
  const outputs = {
    reportPath,
    metricsPath,
    serverUrl: process.env['GITHUB_SERVER_URL'],
    appendSummary: summary ? (markdown: string) => appendSummary(markdown, process.env) : undefined,
  };
  await writeOutputs(report, outputs, (line) => log.warning(line, 'Cleanup'));
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
    runnerLog.info('Nothing to clean up: main refused its inputs and started nothing.');
    return undefined;
  }
}

async function mainReport({ main }: SavedState): Promise<Report | undefined> {
  if (main === undefined) return undefined;
  const text = await readFile(join(sessionDirectory(process.env, main.session.id), MAIN_REPORT), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Report);
}

/** Where main was killed; it ends what it started otherwise. */
async function endBenchmark({ benchmark, main }: SavedState, config: Config, log: Log): Promise<void> {
  if (main === undefined || config.run === undefined) return;
  const offspring = ProcessTree.ofEarlier(main.session.id, benchmark);
  const found = await offspring.alive();
  if (found.length === 0) return;
  log.info(plainLine(`Ending the benchmark, which outlived main: ${processList(found)}.`));
  const survivors = await offspring.end(limitsFrom(clock.now(), config.gracePeriod), clock);
  if (survivors.length > 0) log.warning(plainLine(survivorsLine(survivors)), 'Benchmark');
}

/** @param told the deaths that main has told */
async function clean(
  { main, found }: SavedState,
  config: Config,
  told: readonly DeathReport[],
  log: Log,
): ReturnType<typeof tearDown> {
  if (config.delay > 0) {
    log.info(`Waiting ${time(config.delay)}, as delay says.`);
    await sleep(clock, config.delay, new AbortController().signal);
  }
  return withDeadline(config.deadline, { clock }, (deadline) =>
    log.group('Cleanup', async () =>
      tearDown({
        config,
        sessionId: main?.session.id,
        connections: discoverProviders({ config, env: process.env, clock, deadline, endpoints: found, runProgram }, log),
        selection: selectAfter(config, main?.session.id, await baselineFor(config, main, log)),
        mode: postCleanupMode(config),
        told,
        deadline,
        env: process.env,
        clock,
        log,
      }),
    ),
  );
}

/** Without main's list it is not known what was there before: then the session's own is all that is removed. */
async function baselineFor({ scope }: Config, main: SavedState['main'], log: Log): Promise<Baseline | undefined> {
  const read = async () => main && readSnapshot(sessionDirectory(process.env, main.session.id));
  if (scope === 'session') return read().catch(() => undefined);
  const before = await bestEffort(log, 'reading what was there before', read);
  if (before === undefined)
    log.warning(
      'scope: job can’t be kept: main left no list of what was there before. Only the session’s own is removed.',
      'Cleanup',
    );
  return before;
}
