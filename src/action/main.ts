import { hostname } from 'node:os';
import { join } from 'node:path';
import { shellCommand } from '../benchmark/shell';
import { type Config, parseConfig } from '../config/config';
import { savable } from '../config/saved';
import { systemClock } from '../lib/clock';
import { asError } from '../lib/errors';
import { makeDirectory } from '../lib/make-directory';
import { benchmarkReport, runSupervised } from '../phases/benchmark';
import type { Log } from '../phases/log';
import { labelLine } from '../phases/post-cleanup-mode';
import { preClean } from '../phases/pre-clean';
import { selectAfter } from '../phases/selection';
import { readSnapshot } from '../phases/snapshot';
import { plainLine } from '../report/escape';
import { writeReport } from '../report/json';
import { closingLines } from '../report/lines';
import { type BenchmarkReport, type DeathReport, type PhaseReport, removedIn } from '../report/model';
import { wholeReport } from '../report/whole-report';
import { sessionDirectory, sessionsOfJob } from '../session/job-sessions';
import { newSession, type Session, type SessionVariables, sessionVariables, writeLabelFile } from '../session/session';
import { annotate } from './annotate';
import { AnnotationCollector } from './annotation-collector';
import { readInputs } from './inputs';
import { exportVariables, setOutputs } from './outputs';
import { AlreadyReported } from './run-phase';
import { runProgram } from './run-program';
import { benchmarkEnvironment, sessionOrigin } from './runner';
import { runnerLog } from './runner-log';
import { saveBenchmark, saveFound, saveMain } from './state';

const clock = systemClock;

/**
 * Milliseconds for ending the benchmark when the job is cancelled. The runner sends SIGTERM after 7.5 s and kills after 10 s; 2 s of them
 * are for what comes after the benchmark.
 * https://github.com/actions/runner/blob/main/src/Runner.Sdk/ProcessInvoker.cs
 */
const MAX_WHEN_CANCELLED_MS = 5_000;

/**
 * The action's main: cleans what earlier runs left, says whose the new resources are, and runs the benchmark if it is given one.
 * @param stop ends the benchmark
 */
export async function main(stop: AbortSignal): Promise<void> {
  const startedAt = clock.now();
  const raw = readInputs();
  const session = newSession(sessionOrigin(process.env, hostname()));
  // First of all: whatever happens from here on, post knows whom to clean up after.
  saveMain({ session, settings: savable(raw) });
  const config = parseConfig(raw, process.env);
  const log = new AnnotationCollector(runnerLog);
  try {
    await work({ config, session, startedAt, log, stop });
  } catch (error) {
    // A fault of our own that ended it is told where it was caught.
    if (!stop.aborted) log.prepend('error', { of: 'Main', message: plainLine(asError(error).message) });
    throw new AlreadyReported(error);
  } finally {
    log.annotate(session.id);
  }
}

/** What main is about. */
interface Work {
  readonly config: Config;
  readonly session: Session;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly log: AnnotationCollector;
  readonly stop: AbortSignal;
}

async function work({ config, session, startedAt, log, stop }: Work): Promise<void> {
  const directory = sessionDirectory(process.env, session.id);
  await makeDirectory(directory);

  const cleaned = await preClean({
    config,
    sessionId: session.id,
    live: sessionsOfJob(process.env, clock),
    directory,
    startedAt,
    log,
    onFound: saveFound,
    runProgram,
  });
  const { pre, connections } = cleaned;
  if (pre === undefined) {
    log.prepend('error', { of: 'Pre-cleanup', message: cleaned.problem.replaceAll('\n', '; ') });
    process.exitCode = 1;
    return;
  }
  for (const line of closingLines(pre)) log.info(line);
  const variables = await announce(session, directory, config, log);
  const writeReports = async (
    benchmark: BenchmarkReport | null,
    run: PhaseReport | null,
    deaths: readonly DeathReport[] = [],
  ) => {
    const phases = { pre, run, post: null };
    const report = wholeReport({ session: session.id, startedAt, now: clock.now(), benchmark, deaths, phases });
    await writeReport(join(directory, MAIN_REPORT), report);
    await writeReport(config.reportPath, report);
  };
  setOutputs({ removed: removedIn(pre), failed: pre.totals.failed, report: config.reportPath, logs: config.logsPath });
  await writeReports(null, null);
  if (!annotate(pre, config, 'Pre-cleanup', log)) return;
  if (config.run === undefined) return;

  const before = await readSnapshot(directory).catch(() => undefined);
  const { result, run, deaths } = await runSupervised({
    config,
    sessionId: session.id,
    command: await shellCommand(config.shell, config.run, directory),
    environment: { ...benchmarkEnvironment(process.env), ...variables },
    connections,
    recorded: selectAfter(config, session.id, before).selector,
    env: process.env,
    clock,
    log,
    onGroup: saveBenchmark,
    stop,
    stdin: 'ignore',
    mostWhenCancelledMs: MAX_WHEN_CANCELLED_MS,
  });
  setOutputs({ 'exit-code': result.exitCode });
  await writeReports(benchmarkReport(config.run, result), run, deaths);
  process.exitCode = result.exitCode;
}

/** Main's own report, for post to take up; the one at report-path may be another use's of this action by then. */
export const MAIN_REPORT = 'main.json';

/** Tells later steps, and the benchmark, with which label to mark what they start. */
async function announce(session: Session, directory: string, config: Config, log: Log): Promise<SessionVariables> {
  const file = await writeLabelFile(session, directory);
  const variables = sessionVariables(session, process.env, file);
  const label = variables.CLEANUP_LABEL;
  exportVariables(variables);
  setOutputs({ 'session-id': session.id, label, 'label-file': file });
  log.info(labelLine(label, config));
  return variables;
}
