import { join } from 'node:path';
import type { BenchmarkResult } from '../../benchmark/run';
import { StartError } from '../../benchmark/start-error';
import type { Config } from '../../config/config';
import type { Endpoints } from '../../core/connection';
import { systemClock as clock, sleep } from '../../lib/clock';
import { asError } from '../../lib/errors';
import { type BenchmarkOutcome, benchmarkReport, runSupervised } from '../../phases/benchmark';
import { bestEffort } from '../../phases/best-effort';
import { mergeDeaths } from '../../phases/deaths';
import { type PreCleaned, preClean } from '../../phases/pre-clean';
import { selectAfter } from '../../phases/selection';
import { readSnapshot } from '../../phases/snapshot';
import type { PhaseReport, Report } from '../../report/model';
import { terminalOf } from '../../report/terminal/terminal';
import { needsAction } from '../../report/verdict';
import { wholeReport } from '../../report/whole-report';
import { writeOutputs } from '../../report/write';
import { anySession, sessionsOfJob } from '../../session/job-sessions';
import { exitCodeOf, exitCodes } from '../exit-codes';
import { withRequiredProviders } from '../host/connect';
import { LiveSessions } from '../host/live-sessions';
import { localSession } from '../host/session-origin';
import { stateDirectory } from '../host/state-directory';
import { outputOf } from '../options/common-options';
import { readSettings } from '../options/setting-options';
import { ProviderUnreachable } from '../options/usage-error';
import type { Output } from '../terminal/output';
import { withProgress } from '../terminal/progress';
import { ProgressCounter } from '../terminal/progress-counter';
import { notStartedCode, notStartedLine } from './not-started';
import { beginSession, type RunSession } from './session';
import { NotBegun, RunSignals } from './signals';
import { tearDownRun } from './teardown';

type Options = Readonly<Record<string, unknown>>;

/** So many resources are shown one by one: the report has them all. */
const MAX_SHOWN = 50;

/** All that one run is about. */
interface Run extends RunSession {
  readonly words: readonly string[];
  readonly config: Config;
  readonly env: NodeJS.ProcessEnv;
  readonly output: Output;
  readonly live: LiveSessions;
  readonly wishes: RunSignals;
  readonly tally: ProgressCounter;
  readonly startedAt: number;
}

/**
 * Runs a command, and removes all that it leaves, however it ends.
 * @returns the exit code
 * @throws {UsageError} for what can't be read; nothing was started then
 * @throws {ProviderUnreachable} when a provider that is needed is not there; nothing was started then
 */
export async function runHere(words: readonly string[], options: Options, env: NodeJS.ProcessEnv): Promise<number> {
  const startedAt = clock.now();
  const output = outputOf(options, env);
  const { config: read, raw } = readSettings(options, env);
  const named = typeof options['session'] === 'string' ? options['session'] : undefined;
  const directory = await stateDirectory(env);
  const session = await localSession(env, directory, named);
  const live = new LiveSessions(directory);
  const tally = new ProgressCounter();
  const unregister = await live.register(session.id);
  const wishes = new RunSignals({ sessionId: session.id, tally, output });
  try {
    const begun = await beginSession(session, env);
    const config = {
      ...withRequiredProviders(read, []),
      reportPath: raw.reportPath ? read.reportPath : join(begun.directory, 'report.json'),
      logsPath: raw.logsPath ? read.logsPath : join(begun.directory, 'logs'),
    };
    return await underCare({ ...begun, words, config, env, output, live, wishes, tally, startedAt });
  } finally {
    await unregister();
  }
}

/** How the benchmark went: not at all, when a signal came first, or when pre-cleanup left something with `fail-on-error`. */
type Benchmark = BenchmarkOutcome | StartError | undefined;

async function underCare(run: Run): Promise<number> {
  const { wishes } = run;
  let found: Endpoints = {};
  const cleaned = await before(run, (where) => {
    found = where;
  });
  if (cleaned.pre === undefined && !wishes.stop.aborted) throw new ProviderUnreachable(cleaned.problem);
  const pre = cleaned.pre ?? null;
  const mayBegin = !(wishes.stop.aborted || isFailure(pre, run));
  const outcome = mayBegin ? await benchmark(run, cleaned) : undefined;
  const post = await after(run, found, pre, outcome);
  if (wishes.signal !== undefined) return exitCodeOf(wishes.signal);
  if (outcome === undefined) return exitCodes.left;
  if (outcome instanceof StartError) return notStarted(outcome, run);
  const { exitCode } = outcome.result;
  return exitCode === 0 && isFailure(post, run) ? exitCodes.left : exitCode;
}

function isFailure(phase: PhaseReport | null, { config }: Run): boolean {
  return config.failOnError && phase !== null && needsAction(phase);
}

/** The teardown, and the report of it all. */
async function after(run: Run, found: Endpoints, pre: PhaseReport | null, outcome: Benchmark): Promise<PhaseReport> {
  const { config, output, session, wishes, tally, env } = run;
  const ended = outcome instanceof StartError ? undefined : outcome;
  // A signal ends the waiting, and nothing else.
  if (config.delay > 0) await sleep(clock, config.delay, wishes.stop).catch(() => undefined);
  const told = ended?.deaths ?? [];
  const { phase, deaths } = await tearDownRun({
    config: { ...config, jobStatus: statusOf(ended?.result, wishes) },
    sessionId: session.id,
    found,
    selection: selectAfter(config, session.id, await snapshot(run)),
    told,
    tally,
    output,
    env,
    hurry: wishes.hurry,
  });
  await tell(run, {
    session: session.id,
    startedAt: run.startedAt,
    now: clock.now(),
    benchmark: ended ? benchmarkReport(run.words.join(' '), ended.result) : null,
    deaths: mergeDeaths(told, deaths),
    phases: { pre, run: ended?.run ?? null, post: phase },
  });
  return phase;
}

function notStarted(error: StartError, { output }: Run): number {
  output.error(notStartedLine(error));
  return notStartedCode(error);
}

/** Pre-cleanup. What belongs to others' runs in progress stays: they may begin while this one looks. */
async function before(
  { config, session, directory, startedAt, output, live, wishes, env }: Run,
  onFound: (found: Endpoints) => void,
): Promise<PreCleaned> {
  const tally = new ProgressCounter();
  return withProgress(output, 'Pre-cleanup', tally, () =>
    preClean({
      config,
      sessionId: session.id,
      live: anySession(live, sessionsOfJob(env, clock)),
      directory,
      startedAt,
      log: output,
      onFound,
      around: (selection) => tally.track(selection),
      onSettled: (resource) => tally.settle(resource),
      stop: wishes.stop,
    }),
  );
}

/** @returns undefined when a signal came first */
async function benchmark(run: Run, { connections }: PreCleaned): Promise<Benchmark> {
  const { config, session, words, environment, env, output, wishes } = run;
  const [file = '', ...rest] = words;
  try {
    return await runSupervised({
      config,
      sessionId: session.id,
      command: { file, arguments: rest },
      environment,
      connections,
      recorded: selectAfter(config, session.id, await snapshot(run)).selector,
      env,
      clock,
      log: output,
      onGroup: () => wishes.hasBegun(),
      stop: wishes.begin,
      stdin: 'inherit',
    });
  } catch (error) {
    if (error instanceof StartError) return error;
    if (!(error instanceof NotBegun)) output.error(asError(error).message);
    return undefined;
  }
}

/** For `scope: job`. Without it nobody knows what was there before: then the session's own is all that is removed. */
async function snapshot({ config, directory, output }: Run): Promise<Awaited<ReturnType<typeof readSnapshot>> | undefined> {
  return config.scope === 'session'
    ? undefined
    : bestEffort(output, 'reading what was there before', () => readSnapshot(directory));
}

function statusOf(result: BenchmarkResult | undefined, { signal }: RunSignals): string {
  if (signal !== undefined) return 'cancelled';
  return result?.exitCode === 0 ? 'success' : 'failure';
}

async function tell({ config, output }: Run, parts: Parameters<typeof wholeReport>[0]): Promise<void> {
  const report = wholeReport(parts);
  const { metricsPath, reportPath } = config;
  await writeOutputs(report, { reportPath, metricsPath }, output.warning);
  if (output.level === 'quiet' && isUneventful(report)) return;
  output.say(terminalOf(report, { color: output.hasColor('stderr'), most: MAX_SHOWN, columns: output.errorColumns }).trimEnd());
  output.info(`Report: ${reportPath}`);
}

/** Nothing was there, and nobody must know more. */
function isUneventful({ phases: { pre, run, post }, deaths }: Report): boolean {
  const isEmpty = (phase: PhaseReport | null) => phase === null || (phase.resources.length === 0 && !needsAction(phase));
  return deaths.length === 0 && [pre, run, post].every(isEmpty);
}
