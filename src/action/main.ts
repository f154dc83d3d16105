import { mkdtemp, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, shellCommand } from '../benchmark/shell';
import { BadSettings, type Config, parseConfig } from '../config/config';
import { savable } from '../config/saved';
import type { Connection } from '../core/connection';
import { isAdopted } from '../lib/adopted';
import { asError } from '../lib/errors';
import { makeDirectory } from '../lib/make-directory';
import { type ProcessIdentity, processWith, thisProcess } from '../lib/process-identity';
import { ShutdownSignals } from '../lib/shutdown-signals';
import { type BenchmarkOutcome, benchmarkReport, runSupervised } from '../phases/benchmark';
import { bestEffort } from '../phases/log';
import { writeMainReport } from '../phases/main-report';
import { labelLine } from '../phases/post-cleanup-mode';
import { preClean } from '../phases/pre-clean';
import { engineSocketIn } from '../phases/proxy';
import { selectAfter } from '../phases/selection';
import { readSnapshot } from '../phases/snapshot';
import { plainLine } from '../report/escape';
import { writeReport } from '../report/json';
import { closingLines } from '../report/lines';
import { type PhaseReport, removedForDisk, removedIn, wholeReport } from '../report/model';
import { ImageUses } from '../session/image-uses';
import { sessionDirectory } from '../session/job-sessions';
import { openLeases } from '../session/leases';
import { Liveness } from '../session/liveness';
import { newSession, type Session, type SessionVariables, sessionVariables, writeLabelFile } from '../session/session';
import { stateDirectory } from '../session/state-directory';
import { AnnotationCollector, annotate } from './annotation-collector';
import { startCompanion } from './companion';
import { readInputs } from './inputs';
import { exportVariables, type OutputValues, setOutputs } from './outputs';
import { AlreadyReported, type PhaseContext } from './run-phase';
import { runProgram } from './run-program';
import { benchmarkEnvironment, runnerLog, sessionOrigin } from './runner';
import { MainStateWriter } from './state';

/**
 * Milliseconds for ending the benchmark of a cancelled job. The runner sends SIGTERM after 7.5 s
 * and kills after 10 s; the work after the benchmark takes up to 2 s.
 * https://github.com/actions/runner/blob/main/src/Runner.Sdk/ProcessInvoker.cs
 */
const MAX_WHEN_CANCELLED_MS = 5_000;

/**
 * The action's main: cleans what earlier runs left, announces the session's label, and runs the
 * benchmark, if any. Files that it can't write (on a full disk, for one) are only warnings.
 */
export async function main({ env, clock, stop }: PhaseContext): Promise<void> {
  const startedAt = clock.now();
  const worker = processWith(process.ppid);
  if (isAdopted(worker.pid)) throw new Error('The runner has ended: main does not begin, because nothing would clean up.');
  const raw = readInputs();
  const session = newSession(sessionOrigin(env, hostname()));
  const log = new AnnotationCollector(runnerLog);
  const state = new MainStateWriter(sessionDirectory(env, session.id));
  try {
    // First of all, so that post knows whom to clean up after, whatever happens.
    await inMain(log, 'Saving the state', () => state.save('main', { session, settings: savable(raw), process: thisProcess() }));
    await work({ config: parseConfig(raw, env), session, state, worker, startedAt, log, env, clock, stop });
  } catch (error) {
    if (error instanceof BadSettings) throw error;
    // A fault of our own has been reported already.
    if (!stop.aborted) log.prepend('error', { of: 'Main', message: plainLine(asError(error).message) });
    throw new AlreadyReported(error);
  } finally {
    await inMain(log, 'Saving the state', () => state.save('ended', true));
    log.annotate(session.id);
  }
}

/** The input of main's steps. */
interface Work extends PhaseContext {
  readonly config: Config;
  readonly session: Session;
  readonly state: MainStateWriter;
  /** The runner starts one for each job, and it starts main. It may have ended since. */
  readonly worker: ProcessIdentity;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly log: AnnotationCollector;
}

async function work(main: Work): Promise<void> {
  const { config, log } = main;
  await makeSessionDirectory(main);
  const cleaned = await cleanBefore(main);
  const { pre, connections } = cleaned;
  if (pre === undefined) {
    log.prepend('error', { of: 'Pre-cleanup', message: cleaned.problem.replaceAll('\n', '; ') });
    process.exitCode = 1;
    return;
  }
  for (const line of closingLines(pre)) log.info(line);
  const announced = await announce(main);
  const proxied = await leaveCompanion(main, connections);
  await report(main, pre, undefined);
  if (!annotate(pre, config, 'Pre-cleanup', log) || config.run === undefined) return;
  const outcome = await benchmark(main, config.run, connections, { ...announced, ...proxied }, engineSocketIn(proxied));
  process.exitCode = outcome.result.exitCode;
  await report(main, pre, outcome);
}

/** Tries again after pre-cleanup, which may have made room. */
async function makeSessionDirectory({ env, session, log }: Work): Promise<string> {
  const directory = sessionDirectory(env, session.id);
  await inMain(log, 'Making a directory in RUNNER_TEMP', () => makeDirectory(directory));
  return directory;
}

async function cleanBefore({ config, session, state, startedAt, log, env, clock }: Work): ReturnType<typeof preClean> {
  const leases = await openLeases(env, clock, (line) => log.warning(line, 'Main'));
  return preClean({
    config,
    sessionId: session.id,
    liveness: new Liveness({ sessionId: session.id, leases, githubToken: config.githubToken, env, clock, log }),
    leases,
    imageUses: new ImageUses(await stateDirectory(env, log.debug), clock),
    keeper: 'parent',
    directory: sessionDirectory(env, session.id),
    startedAt,
    env,
    clock,
    log,
    onFound: (found) => void inMain(log, 'Saving the state', () => state.save('found', found)),
    runProgram,
  });
}

/** Tells later steps and the benchmark which label to use. */
async function announce(main: Work): Promise<SessionVariables> {
  const { config, session, env, log } = main;
  const directory = await makeSessionDirectory(main);
  const file = await inMain(log, 'Writing the label file', () => writeLabelFile(session, directory));
  const variables = sessionVariables(session, env, file);
  const label = variables.CLEANUP_LABEL;
  await inMain(log, 'Exporting the label to later steps', () => exportVariables(variables));
  await setAll(log, { 'session-id': session.id, label, ...(file === undefined ? {} : { 'label-file': file }) });
  log.info(labelLine(label, config));
  return variables;
}

/** Has everything labelled that later steps and the benchmark create, and the job watched over. */
function leaveCompanion(
  { config, session, worker, env, log }: Work,
  connections: readonly Connection[],
): ReturnType<typeof startCompanion> {
  const directory = sessionDirectory(env, session.id);
  return startCompanion({ config, session, worker, connections, env, platform: process.platform, directory }, log);
}

async function benchmark(
  main: Work,
  script: string,
  connections: readonly Connection[],
  variables: SessionVariables,
  proxySocket: string | undefined,
): Promise<BenchmarkOutcome> {
  const { config, session, state, env, clock, log, stop } = main;
  const directory = sessionDirectory(env, session.id);
  const before = await readSnapshot(directory).catch(() => undefined);
  const signals = new ShutdownSignals(clock);
  try {
    return await runSupervised({
      config,
      sessionId: session.id,
      command: await commandOf(main, script),
      environment: { ...benchmarkEnvironment(env, await emptyStateFile(directory)), ...variables },
      connections,
      recorded: selectAfter(config, session.id, before).selector,
      proxySocket,
      env,
      clock,
      log,
      onGroup: (group) => void inMain(log, 'Saving the state', () => state.save('benchmark', group ?? 'ended')),
      signals,
      stop,
      stdin: 'ignore',
      maxWhenCancelledMs: MAX_WHEN_CANCELLED_MS,
    });
  } finally {
    signals.dispose();
  }
}

/** Uses the system's temporary directory if RUNNER_TEMP has no room for the script. */
async function commandOf({ config, session, env }: Work, script: string): Promise<Command> {
  try {
    return await shellCommand(config.shell, script, sessionDirectory(env, session.id));
  } catch {
    return shellCommand(config.shell, script, await mkdtemp(join(tmpdir(), 'cleanup-action-')));
  }
}

/** Gives the benchmark its own state file, so that it can't overwrite main's state. */
async function emptyStateFile(directory: string): Promise<string> {
  const path = join(directory, 'benchmark-state');
  return writeFile(path, '').then(
    () => path,
    () => '/dev/null',
  );
}

/** Writes main's reports and outputs. */
async function report(main: Work, pre: PhaseReport, outcome: BenchmarkOutcome | undefined): Promise<void> {
  const { config, session, startedAt, log, env, clock } = main;
  const { reportPath, logsPath } = config;
  const whole = wholeReport({
    session: session.id,
    startedAt,
    now: clock.now(),
    benchmark: outcome ? benchmarkReport(config.run ?? '', outcome.result) : null,
    deaths: outcome?.deaths ?? [],
    phases: { pre, run: outcome?.run ?? null, post: null },
  });
  await setAll(log, {
    removed: removedIn(pre) + removedForDisk(pre),
    failed: pre.totals.failed,
    report: reportPath,
    logs: logsPath,
    ...(outcome ? { 'exit-code': outcome.result.exitCode } : {}),
  });
  await inMain(log, 'Writing the report for post', () => writeMainReport(sessionDirectory(env, session.id), whole));
  await inMain(log, 'Writing the report', () => writeReport(reportPath, whole));
}

async function setAll(log: AnnotationCollector, values: OutputValues): Promise<void> {
  await inMain(log, 'Setting the outputs', () => setOutputs(values));
}

/** Does what may fail without harm to the rest. */
function inMain<T>(log: AnnotationCollector, what: string, attempt: () => T | Promise<T>): Promise<T | undefined> {
  return bestEffort(log, what, async () => attempt(), 'Main');
}
