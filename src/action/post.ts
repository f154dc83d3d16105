import { laterSteps } from '../benchmark/later-steps';
import { processList, survivorsLine } from '../benchmark/process-table';
import { limitsFrom, ProcessTree } from '../benchmark/process-tree';
import { BadSettings, type Config, parseConfig } from '../config/config';
import { parseAccepted, restored } from '../config/saved';
import type { Baseline } from '../core/selector';
import { sleep } from '../lib/clock';
import { withDeadline } from '../lib/deadline';
import type { Environment } from '../lib/environment';
import { asError } from '../lib/errors';
import { isAlive, lifeOf, type ProcessIdentity } from '../lib/process-identity';
import { firstLine, lostBenchmark } from '../phases/benchmark';
import { mergeDeaths } from '../phases/deaths';
import { bestEffort } from '../phases/log';
import { type MainReport, readMainReport } from '../phases/main-report';
import { postCleanupMode } from '../phases/post-cleanup-mode';
import { discoverProviders } from '../phases/providers';
import { endRenewal } from '../phases/renewal-notes';
import { selectAfter } from '../phases/selection';
import { readSnapshot } from '../phases/snapshot';
import { tearDown } from '../phases/teardown';
import { settingsInPlace } from '../phases/watchdog';
import { readBindNotes, readImageNotes, readOwnVolumes } from '../proxy/notes';
import { plainLine } from '../report/escape';
import { closingLines } from '../report/lines';
import { type BenchmarkRemains, type BenchmarkReport, type Report, wholeReport } from '../report/model';
import { time } from '../report/words';
import { writeOutputs } from '../report/write';
import { ImageUses } from '../session/image-uses';
import { sessionDirectory } from '../session/job-sessions';
import { openLeases } from '../session/leases';
import { type Handover, LeftImages } from '../session/left-images';
import { MAX_BESIDES_CLEANUP_MS, StillCleaning, soleCleanup } from '../session/sole-cleanup';
import { stateDirectory } from '../session/state-directory';
import { AnnotationCollector, annotate } from './annotation-collector';
import { endCompanion, isFinished } from './companion';
import { readInputs } from './inputs';
import { appendSummary } from './outputs';
import type { PhaseContext } from './run-phase';
import { runProgram } from './run-program';
import { runnerLog } from './runner';
import { isInPlaceOfRunner, loadState, type SavedState } from './state';

/** Milliseconds to wait for a main that still runs. The runner kills it within this time. */
const MAX_FOR_MAIN_MS = 10_000;

/** The input of post's steps. */
interface Work extends PhaseContext {
  readonly state: SavedState;
  readonly config: Config;
  readonly log: AnnotationCollector;
  /** A watchdog runs it, because the runner is gone. */
  readonly isInPlace: boolean;
}

/** The action's post: removes what the session owns, and reports. No failing step stops another. */
export async function post(context: PhaseContext): Promise<void> {
  const state = loadState(context.env);
  const config = settingsFor(state, context.env);
  if (config === undefined) return;
  const log = new AnnotationCollector(runnerLog);
  const isInPlace = isInPlaceOfRunner(context.env);
  const post: Work = { ...context, state, config: isInPlace ? settingsInPlace(config) : config, log, isInPlace };
  try {
    for (const problem of state.problems) log.warning(problem, 'Cleanup');
    const end = await takeCleanup(post);
    if (end === undefined) return log.info('Another process has cleaned up after this session, and reported it.');
    await work(post);
    await end();
  } finally {
    log.annotate(state.sessionId);
  }
}

/**
 * Waits for a watchdog, or another post of the session, that is at work: two would stop the same
 * containers. Goes on without a claim if there is no room for it.
 * @returns undefined when another process has done the work
 * @throws {StillCleaning}
 */
async function takeCleanup(post: Work): Promise<(() => Promise<void>) | undefined> {
  const { config, clock, log, isInPlace } = post;
  const directory = directoryOf(post);
  // Post ends the companion last: where there was one, its end says that the work is done. A post
  // in the runner's place was started by one.
  const hadCompanion = isInPlace || !isFinished(directory);
  try {
    return await soleCleanup({
      directory,
      clock,
      isOver: () => hadCompanion && isFinished(directory),
      maxWaitMs: config.delay + config.deadline + 2 * config.gracePeriod + MAX_BESIDES_CLEANUP_MS,
      onWait: (pid) => log.info(`Another process (${pid}) cleans up after this session: waiting for its end.`),
    });
  } catch (error) {
    if (error instanceof StillCleaning) throw error;
    log.debug(asError(error).message);
    return async () => undefined;
  }
}

async function work(post: Work): Promise<void> {
  const { state, config, log, clock } = post;
  const startedAt = clock.now();
  await bestEffort(log, 'Waiting for main', () => waitForMain(post));
  const before = await mainReport(post);
  const remains = await bestEffort(log, 'Ending the benchmark', () => endBenchmark(post));
  await bestEffort(log, 'Ending what later steps left running', () => endLaterSteps(post));
  const lost = before.benchmark === null ? reportLostMain(post, remains) : null;
  const { phase, deaths } = await clean(post, before);
  for (const line of closingLines(phase)) log.info(line);
  const report = wholeReport({
    session: state.sessionId ?? null,
    startedAt: before.startedAt ?? startedAt,
    now: clock.now(),
    benchmark: before.benchmark ?? lost,
    deaths: mergeDeaths(before.deaths, deaths),
    phases: { pre: before.pre, run: before.run, post: phase },
  });
  // The runner's next job has emptied RUNNER_TEMP, and writes a report of its own.
  if (post.isInPlace && isFinished(directoryOf(post))) return;
  await writeAll(report, post);
  await bestEffort(log, 'Ending the proxy', () => endCompanion(directoryOf(post), post.env));
  annotate(phase, config, 'Cleanup', log);
}

async function writeAll(report: Report, { config, env, log }: Work): Promise<void> {
  const { reportPath, metricsPath, summary } = config;
  const outputs = {
    reportPath,
    metricsPath,
    serverUrl: env['GITHUB_SERVER_URL'],
    appendSummary: summary ? (markdown: string) => appendSummary(markdown, env) : undefined,
  };
  await writeOutputs(report, outputs, (line) => log.warning(line, 'Cleanup'));
}

/** Main's settings, or the inputs if main died early. Undefined if main refused its inputs. */
function settingsFor({ settings, hasBegun }: SavedState, env: Environment): Config | undefined {
  const current = readInputs();
  if (hasBegun) return parseAccepted(settings, current, env);
  try {
    return parseConfig(restored(settings, current), env);
  } catch (error) {
    if (!(error instanceof BadSettings)) throw error;
    runnerLog.info('Nothing to clean up: main refused its inputs and started nothing.');
    return undefined;
  }
}

async function mainReport({ state, env, log }: Work): Promise<MainReport> {
  const report = await readMainReport(sessionDirectory(env, state.sessionId ?? 'unknown'));
  if (report.unreadable.length > 0) {
    log.warning(`Main’s report can’t be read, and is left out of this one: ${report.unreadable.join(', ')}.`, 'Cleanup');
  }
  return report;
}

/**
 * Waits for main: the runner gives up a cancelled background step after 7.5 s and goes on to post,
 * while main may still run for some seconds.
 * https://github.com/actions/runner/blob/main/src/Runner.Worker/BackgroundStepCoordinator.cs
 */
async function waitForMain({ state, clock, log, isInPlace }: Work): Promise<void> {
  const main: ProcessIdentity | undefined = state.process;
  if (main === undefined || state.hasEnded || !isAlive(main)) return;
  // As the runner does when a job is cancelled: main ends its benchmark, and itself.
  if (isInPlace && lifeOf(main) === 'alive') process.kill(main.pid, 'SIGTERM');
  log.info(`Main (process ${main.pid}) is still running: waiting at most ${time(MAX_FOR_MAIN_MS)} for its end.`);
  const giveUpAt = clock.now() + MAX_FOR_MAIN_MS;
  while (isAlive(main)) {
    if (clock.now() >= giveUpAt) {
      log.warning(
        `Main (process ${main.pid}) is still running. Resources that it creates from now on may be left behind.`,
        'Cleanup',
      );
      return;
    }
    await sleep(clock, 100, new AbortController().signal);
  }
}

/**
 * Ends the benchmark of a killed main.
 * @returns its fate; undefined if main left none
 */
async function endBenchmark({ state, config, clock, log }: Work): Promise<BenchmarkRemains | undefined> {
  const { sessionId, benchmark } = state;
  if (sessionId === undefined || config.run === undefined) return undefined;
  const tree = ProcessTree.ofEarlier(sessionId, typeof benchmark === 'number' ? benchmark : undefined);
  const found = await tree.alive();
  if (found.length === 0) return typeof benchmark === 'number' ? 'gone' : undefined;
  log.info(plainLine(`Ending the benchmark, which outlived main: ${processList(found)}.`));
  const survivors = await tree.end(limitsFrom(clock.now(), config.gracePeriod), clock);
  if (survivors.length === 0) return 'ended';
  log.warning(plainLine(survivorsLine(survivors)), 'Benchmark');
  return 'alive';
}

/**
 * Ends the processes of later steps that still run, or names them: they could start containers
 * while post removes them. After a success, or where nothing is to be removed, they end with the
 * job.
 */
async function endLaterSteps({ state, config, env, clock, log }: Work): Promise<void> {
  if (state.sessionId === undefined) return;
  const { all, ending, outliving } = laterSteps(state.sessionId, env);
  if ((await all.alive()).length === 0) return;
  const [found, spared] = await Promise.all([ending.alive(), outliving.alive()]);
  if (spared.length > 0) log.info(plainLine(`Processes of this job that are to outlive it: ${processList(spared)}.`));
  if (found.length === 0) return;
  const isFailed = config.jobStatus === 'failure' || config.jobStatus === 'cancelled';
  if (!isFailed || postCleanupMode(config).kind !== 'remove') {
    const what = `Processes of later steps still run, and may start more: ${processList(found)}.`;
    log.warning(plainLine(`${what} What is to outlive the job starts with “env -u CLEANUP_SESSION_ID”.`), 'Processes');
    return;
  }
  log.info(plainLine(`Ending what later steps left running: ${processList(found)}.`));
  const survivors = await ending.end(limitsFrom(clock.now(), config.gracePeriod), clock);
  if (survivors.length > 0) log.warning(plainLine(survivorsLine(survivors, 'later steps')), 'Processes');
}

/** Says that main was killed, and the fate of the benchmark. No warning in a cancelled job. */
function reportLostMain({ state, config, log }: Work, remains: BenchmarkRemains | undefined): BenchmarkReport | null {
  const { run, jobStatus } = config;
  if (!state.hasBegun || state.hasEnded) return null;
  const known = remains ?? (state.benchmark === 'ended' ? 'over' : 'unstarted');
  const what = `Main was killed before its end. ${run === undefined ? '' : BENCHMARK[known]}`.trim();
  if (jobStatus === 'cancelled') log.info(what);
  else log.warning(what, 'Main');
  return run === undefined || remains === undefined ? null : lostBenchmark(firstLine(run), remains);
}

const BENCHMARK: Readonly<Record<BenchmarkRemains | 'over' | 'unstarted', string>> = {
  ended: 'The benchmark was still running, and has been ended; its exit code is unknown.',
  gone: 'The benchmark was running, and has ended since; its exit code is unknown.',
  alive: 'The benchmark is still running, and could not be ended.',
  over: 'The benchmark had ended; its exit code is unknown.',
  unstarted: 'The benchmark had not begun.',
};

async function clean(post: Work, { deaths: knownDeaths, pre, run }: MainReport): ReturnType<typeof tearDown> {
  const { state, config, env, clock, log } = post;
  if (config.delay > 0) {
    log.info(`Waiting ${time(config.delay)} before cleaning up (delay).`);
    await sleep(clock, config.delay, new AbortController().signal);
  }
  // Before the sweep: a sandbox that is changed twice at a time refuses.
  for (const line of await endRenewal(directoryOf(post))) log.warning(plainLine(line), 'Sandbox TTL');
  const baseline = await baselineFor(post);
  return withDeadline(config.deadline, { clock }, (deadline) =>
    log.group('Cleanup', async () =>
      tearDown({
        config,
        sessionId: state.sessionId,
        connections: discoverProviders(
          { config, env, clock, deadline, sessionId: state.sessionId, endpoints: state.found, runProgram, orphans: true },
          log,
        ),
        selection: selectAfter(config, state.sessionId, baseline, await readOwnVolumes(directoryOf(post))),
        mode: postCleanupMode(config),
        knownDeaths,
        earlier: [pre, run],
        deadline,
        leases: await openLeases(env, clock, log.debug),
        leftImages: await handoverOf(post, baseline),
        imageUses: {
          uses: new ImageUses(await stateDirectory(env, log.debug), clock),
          names: await readImageNotes(directoryOf(post)),
        },
        workspace: {
          path: config.workspaceOwnership === false ? undefined : env['GITHUB_WORKSPACE'],
          restore: config.workspaceOwnership === 'restore',
          sources: await readBindNotes(directoryOf(post)),
        },
        runProgram,
        env,
        clock,
        log,
      }),
    ),
  );
}

async function handoverOf({ state, env, clock, log }: Work, baseline: Baseline | undefined): Promise<Handover | undefined> {
  if (state.sessionId === undefined || baseline === undefined) return undefined;
  return new LeftImages(await stateDirectory(env, log.debug), clock).handoverOf(state.sessionId, baseline.startedAt);
}

function directoryOf({ state, env }: Work): string {
  return sessionDirectory(env, state.sessionId ?? 'unknown');
}

/** The state before main. Without it, only the session's own resources are removed. */
async function baselineFor({ config, state, env, log }: Work): Promise<Baseline | undefined> {
  const { sessionId } = state;
  const read = async () => (sessionId === undefined ? undefined : readSnapshot(sessionDirectory(env, sessionId)));
  if (config.scope === 'session') return read().catch(() => undefined);
  const before = await bestEffort(log, 'Reading the list of existing resources', read);
  if (before === undefined) {
    const why = 'scope: job can’t be applied: main left no list of existing resources. Only the session’s own are removed.';
    log.warning(why, 'Cleanup');
  }
  return before;
}
